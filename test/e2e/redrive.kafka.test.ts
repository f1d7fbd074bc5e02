/**
 * Dead letters and back: events that a wrong schema refuses are kept, the schema is mended, and
 * `sluice redrive` stores each of them once, however often it is run.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { jsonLines, runCommand } from "../../src/cli/testing/run-command.ts";
import { connectProducer, ScratchTopics } from "../../src/delivery/testing/scratch-topic.ts";
import { HEADER_FLAG } from "../../src/records.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { byId, readAll } from "./read-back.ts";

const EVENTS = 250;
const brokers = testService("kafka");
const topic = `sluice-test-redrive-${randomBytes(4).toString("hex")}`;
const scratch = new ScratchTopics(brokers);
let directory: string;
let audit: string;

before(async () => {
  audit = await scratch.create("redrive-audit", 1);
  directory = await mkdtemp(join(tmpdir(), "sluice-redrive-"));
});

after(async () => {
  await scratch.remove();
  await rm(directory, { recursive: true, force: true });
});

/** A gateway whose type `order` has a quantity of this Avro type. */
async function start(quantity: string): Promise<Gateway> {
  const pack = join(directory, "pack");
  await mkdir(pack, { recursive: true });
  const fields = [{ name: "quantity", type: quantity }];
  await writeFile(join(pack, "order.avsc"), JSON.stringify({ type: "record", name: "O", fields }));
  const types = { order: { schema: "order.avsc", topic } };
  const topics = { [topic]: { partitions: 2 } };
  const members = { name: "redrive", description: "for a test", topics, types };
  await writeFile(join(pack, "pack.json"), JSON.stringify(members));
  const flags = ["--pack", pack, "--kafka-brokers", brokers, "--create-topics"];
  return Gateway.start({ flags: [...flags, "--dead-letters", "raw"] });
}

function redrive(gateway: Gateway, ...options: readonly string[]) {
  const places = ["--brokers", brokers, "--url", gateway.url];
  const env = { SLUICE_AUDIT_TOPIC: audit };
  return runCommand(["redrive", `${topic}.dlq`, ...places, ...options], { env });
}

interface Answer {
  readonly stored: number;
  readonly rejected: readonly unknown[];
}

async function sendAll(gateway: Gateway): Promise<void> {
  for (let first = 0; first < EVENTS; first += 50) {
    const events = Array.from({ length: 50 }, (_, i) => {
      const id = `e${first + i}`;
      // The last one stays wrong whatever the schema says.
      const quantity = first + i === EVENTS - 1 ? "true" : `"${first + i} pieces"`;
      return `{"type":"order","id":"${id}","key":"k${i % 7}",\n"data":{"quantity":${quantity}}}`;
    });
    const answer = (await (await gateway.post(`[${events.join(",")}]`)).json()) as Answer;
    assert.equal(answer.rejected.length, 50);
  }
}

test("after the schema is mended each dead letter is stored once, however often redrive runs", async () => {
  {
    await using wrong = await start("int");
    await sendAll(wrong);
    assert.equal(await wrong.stop(), 0);
  }
  await using mended = await start("string");

  const dry = await redrive(mended, "--dry-run", "--code", "schema_invalid");
  assert.equal(dry.code, 0, dry.stderr);
  const letters = jsonLines(dry.stdout);
  assert.equal(letters.length, EVENTS + 1);
  assert.equal(letters[0]?.["dialect"], "native");
  assert.equal(letters.at(-1)?.["matched"], EVENTS);
  assert.equal((await mended.ledger())["received"], 0, "a dry run sends nothing");

  const first = await redrive(mended);
  assert.equal(first.code, 1, "one event is refused again");
  const [summary] = jsonLines(first.stdout);
  assert.equal(summary?.["stored"], EVENTS - 1);
  assert.equal(summary["rejected"], 1);

  const again = await redrive(mended);
  const [second] = jsonLines(again.stdout);
  assert.equal(second?.["stored"], 0, "what was sent is not sent again");
  assert.equal(second["read"], 1, "only the new letter of the event that was refused again");

  const notes = (await readAll(brokers, [audit])).map(
    ({ value }) => JSON.parse(String(Buffer.from(value ?? []))) as Record<string, unknown>,
  );
  assert.deepEqual(
    notes.map(({ what, stored }) => [what, stored]),
    [
      ["redrive_started", undefined],
      ["redrive_ended", EVENTS - 1],
      ["redrive_started", undefined],
      ["redrive_ended", 0],
    ],
    "each run is noted before and after, a dry one is not",
  );

  const found = byId(await readAll(brokers, [topic]));
  assert.equal(found.size, EVENTS - 1);
  for (const [id, records] of found) {
    assert.equal(records.length, 1, `${id} is stored once`);
    const header = records[0]?.headers.find(([name]) => name === "sluice")?.[1];
    assert.equal((header?.[1] ?? 0) & HEADER_FLAG.replay, HEADER_FLAG.replay);
  }
});

test("letters of two tenants: one key does not send them all, and --tenant chooses", async () => {
  const letters = await scratch.create("redrive-tenants", 1);
  const producer = await connectProducer(brokers);
  await producer.store(
    letters,
    ["acme", "globex"].map((tenant) => ({
      partition: 0,
      value: Buffer.from('{"type":"order","data":{}}'),
      headers: Object.entries({ tenant, source: "web", code: "schema_invalid" }).map(
        ([name, text]) => ({ [name]: text }),
      ),
    })),
  );
  await producer.close();
  const places = ["--brokers", brokers, "--url", "http://127.0.0.1:1", "--write-key", "k"];
  const both = await runCommand(["redrive", letters, ...places]);
  assert.equal(both.code, 1);
  assert.match(both.stderr, /several tenants \(acme and globex\).*--tenant/);
  assert.equal(jsonLines(both.stdout).at(-1)?.["stored"], 0);
  const one = await runCommand(["redrive", letters, ...places, "--tenant", "globex"]);
  assert.match(one.stderr, /No gateway answers at/, "it would be sent");
});

test("redrive says in one sentence what keeps it from working", async () => {
  const places = ["--brokers", brokers];
  const nobody = await runCommand([
    "redrive",
    `${topic}.dlq`,
    ...places,
    "--url",
    "http://127.0.0.1:1",
    "--from",
    "0",
  ]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /No gateway answers at/);
  const odd = await runCommand(["redrive", `${topic}.dlq`, ...places, "--from", "soon"]);
  assert.equal(odd.code, 2);
  assert.match(odd.stderr, /--from is an offset or a time/);
  const strange = await runCommand([
    "redrive",
    `${topic}.none`,
    ...places,
    "--url",
    "http://127.0.0.1:1",
  ]);
  assert.equal(strange.code, 1);
  assert.match(strange.stderr, /has no topic/);
});
