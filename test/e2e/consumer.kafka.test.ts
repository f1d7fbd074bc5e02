/**
 * `sluice/consumer` on what real gateways write: a stream goes on at a second gateway that knows
 * nothing of it, sends again what the first had stored already, and a consumer keeps each event
 * once.
 */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Deduplicator } from "../../src/consumer/library.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { StreamClient } from "../stream-client.ts";
import { corpusEvents, eventText, writeCorpusPack } from "./corpus.ts";
import { readAll } from "./read-back.ts";

const EVENTS = 60;

test("of doubled records of a stream and of repeated ids the first is kept, once", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const pack = await writeCorpusPack(
    join(directory, "pack"),
    `sluice-test-${randomBytes(4).toString("hex")}`,
  );
  const flags = ["--pack", pack.directory, "--kafka-brokers", testService("kafka")];
  const events = await corpusEvents(EVENTS);
  const texts = events.map((event, index) => eventText(event, `e-${index + 1}`, `k-${index % 7}`));
  const stream = randomUUID();
  const publish = async (gateway: Gateway, hello: object, from: number) => {
    const client = await StreamClient.hello(gateway.streamUrl, { auth: "demo", stream, ...hello });
    client.send(`{"t":"pub","seq":${from},"events":[${texts.slice(from - 1).join(",")}]}`);
    await client.acked(EVENTS);
    client.close();
    await client.closed;
  };
  {
    await using first = await Gateway.start({ flags: [...flags, "--create-topics"] });
    await publish(first, { held: [], next: 1 }, 1);
  }
  {
    // As if the first had died before its last acks: the second takes the client's word.
    await using second = await Gateway.start({ flags });
    await publish(second, { held: [[41, EVENTS]], next: EVENTS + 1 }, 41);
    const body = `{"events":[${eventText(events[0] ?? assert.fail(), "http-1", "k-0")}]}`;
    for (const _ of [1, 2]) assert.equal((await second.post(body)).status, 200);
  }
  const records = await readAll(testService("kafka"), pack.topics);
  assert.equal(records.length, EVENTS + 20 + 2);
  const deduplicator = new Deduplicator({ fromBeginning: true, idsMax: 100 });
  const kept = new Map<string, number>();
  for (const record of records) {
    const { verdict, header } = deduplicator.decide(record);
    const id = header?.id ?? "";
    if (verdict === "first") kept.set(id, (kept.get(id) ?? 0) + 1);
    else assert.equal(verdict, "duplicate");
    const isFlagged = header?.flags.includes("redelivery_possible") ?? false;
    assert.ok(
      isFlagged || verdict === "first" || id === "http-1",
      "doubles of streams are flagged",
    );
  }
  assert.deepEqual(
    [...kept].toSorted(([left], [right]) => (left < right ? -1 : 1)),
    [...texts.map((_, index) => `e-${index + 1}`), "http-1"].toSorted().map((id) => [id, 1]),
  );
  assert.equal(deduplicator.stats().duplicates, 21);
  await rm(directory, { recursive: true, force: true });
});
