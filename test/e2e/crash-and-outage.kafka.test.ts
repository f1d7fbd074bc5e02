/**
 * The promise under fire, against a real broker of this test's own: a gateway that is killed in the
 * middle of a load has lost nothing it answered `stored`; a broker that goes away and comes back
 * costs `retry` and 503, no memory without bound, and no restart.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";
import { corpusEvents, eventText, isExpected, writeCorpusPack } from "./corpus.ts";
import type { CorpusEvent, CorpusPack } from "./corpus.ts";
import { byId, readAll } from "./read-back.ts";

const EVENTS_PER_REQUEST = 20;
const SENDERS = 8;

const prefix = `sluice-test-${randomBytes(4).toString("hex")}`;
let directory: string;
let pack: CorpusPack;
let events: CorpusEvent[];
let broker: Instance;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  pack = await writeCorpusPack(join(directory, "pack"), prefix);
  events = await corpusEvents(2_000);
  broker = await startInstance("kafka");
});

after(async () => {
  await broker.remove();
  await rm(directory, { recursive: true, force: true });
});

function start(
  further: readonly string[] = [],
  options: { readonly mayWait?: boolean } = {},
): Promise<Gateway> {
  const flags = ["--pack", pack.directory, "--kafka-brokers", broker.address, "--create-topics"];
  const dataDir = join(directory, "data");
  return Gateway.start({ flags: [...flags, ...further], dataDir, ...options });
}

function request(first: number, run: string): string {
  const lines = Array.from({ length: EVENTS_PER_REQUEST }, (_, i) => {
    const index = first + i;
    const event = events[index % events.length];
    assert.ok(event !== undefined);
    return eventText(event, `${run}-${index}`, `key-${index % 11}`);
  });
  return `{"events":[${lines.join(",")}]}`;
}

/** Credit in every frame that brings some. */
function creditsOf(client: StreamClient): { readonly seq: number; readonly reason?: string }[] {
  return client.frames.flatMap((frame) => {
    const credit = frame.t === "credit" ? frame : frame["credit"];
    return credit === undefined ? [] : [credit as { readonly seq: number }];
  });
}

interface Answer {
  readonly stored?: number;
  readonly rejected?: readonly unknown[];
  readonly retry?: readonly { readonly index: number; readonly code: string }[];
}

test("row 32: kill -9 in the middle of a load loses no event that was answered stored", async () => {
  await using gateway = await start();
  const stored = new Set<number>();
  let next = 0;
  let isDead = false;
  const send = async () => {
    while (!isDead) {
      const first = next;
      next += EVENTS_PER_REQUEST;
      let answer: Answer;
      try {
        answer = (await (await gateway.post(request(first, "crash"))).json()) as Answer;
      } catch {
        return; // The socket went away with the gateway: nothing was answered.
      }
      const unsure = new Set(answer.retry?.map(({ index }) => index));
      for (let i = 0; i < EVENTS_PER_REQUEST; i += 1) if (!unsure.has(i)) stored.add(first + i);
      assert.deepEqual(answer.rejected, []);
    }
  };
  const senders = Array.from({ length: SENDERS }, () => send());
  while (stored.size < 3_000) await delay(5);
  gateway.signal("SIGKILL");
  isDead = true;
  assert.equal(await gateway.ended(), "SIGKILL");
  await Promise.all(senders);
  const found = byId(await readAll(broker.address, pack.topics));
  for (const index of stored) {
    const [record] = found.get(`crash-${index}`) ?? [];
    const event = events[index % events.length];
    assert.ok(record?.value && event, `event ${index} was answered stored and is in Kafka`);
    assert.ok(isExpected(event, record.value), `event ${index} has its bytes`);
  }
});

/** Waits until the gateway says of itself what it should; readiness has patience both ways. */
async function readiness(gateway: Gateway, status: number): Promise<void> {
  while ((await fetch(`${gateway.adminUrl}/readyz`)).status !== status) await delay(100);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** Requests at once. */
const WAVE_REQUESTS = 100;

/** 0: none, 1: above the high mark, 2: above the hard one. */
async function pressureOf(gateway: Gateway): Promise<number> {
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return Number(/^sluice_pressure_level (\d)$/m.exec(metrics)?.[1]);
}

test("row 4: all brokers stopped: retry and 503, bounded memory, healed without a restart", async () => {
  const timeouts = ["--kafka-message-timeout-ms", "5000", "--http-deadline-ms", "1500"];
  const budget = ["--unacked-events-max", String(WAVE_REQUESTS * EVENTS_PER_REQUEST)];
  await using gateway = await start([...timeouts, ...budget]);
  // Its patience is short: on a slow machine the first records may take longer.
  while ((await gateway.post(request(0, "warm"))).status !== 200);
  const stream = await StreamClient.hello(gateway.streamUrl);
  await broker.suspend();
  stream.send(`{"t":"pub","seq":1,${request(0, "stream").slice(1)}`);
  const sentFirst = gateway.post(request(100, "down"));
  while (((await gateway.ledger())["in_flight"] ?? 0) < 2 * EVENTS_PER_REQUEST) await delay(5);
  const bytesAtFirst = await residentBytes(gateway.run.pid);
  const codes = new Set<number>();
  const wave = async (number: number): Promise<void> => {
    const burst = Array.from({ length: WAVE_REQUESTS }, (_, i) =>
      gateway.post(request(1_000 + (number * WAVE_REQUESTS + i) * EVENTS_PER_REQUEST, "down")),
    );
    for (const response of await Promise.all(burst)) {
      codes.add(response.status);
      assert.ok(
        Number(response.headers.get("retry-after")) >= 1,
        "every refusal says when to come",
      );
      await response.arrayBuffer();
    }
  };
  // The first one fills the budget; what it holds is let go of after seconds.
  let isOver = false;
  const firstWave = wave(0).finally(() => {
    isOver = true;
  });
  let highestPressure = 0;
  while (!isOver) highestPressure = Math.max(highestPressure, await pressureOf(gateway));
  await firstWave;
  assert.ok(highestPressure > 0, "there is pressure");
  const first = await sentFirst;
  assert.equal(first.status, 503, await first.clone().text());
  assert.ok(Number(first.headers.get("retry-after")) >= 1);
  const problem = (await first.json()) as Answer & { readonly code: string };
  assert.equal(problem.code, "kafka_timeout");
  assert.equal(problem.retry?.length, EVENTS_PER_REQUEST);
  for (let number = 1; number < 6; number += 1) await wave(number);
  assert.deepEqual([...codes], [503]);
  const grown = (await residentBytes(gateway.run.pid)) - bytesAtFirst;
  assert.ok(grown < 128 * 1024 * 1024, `memory grew by ${grown} bytes`);
  await readiness(gateway, 503);
  // A stream that has credit left is told of the pause with its next answer, or not at all.
  const [welcomed, ...later] = creditsOf(stream);
  for (const { seq } of later) assert.equal(seq, welcomed?.seq, "credit does not rise");
  stream.close();
  broker.resume();
  let healed: Answer;
  do {
    await delay(100);
    healed = (await (await gateway.post(request(50_000, "healed"))).json()) as Answer;
    // Its patience is short: some of it may come too late for its answer, and is sent again.
  } while (healed.stored !== EVENTS_PER_REQUEST);
  await readiness(gateway, 200);
  while ((await gateway.ledger())["in_flight"] !== 0) await delay(50);
  const found = byId(await readAll(broker.address, pack.topics));
  for (let i = 0; i < EVENTS_PER_REQUEST; i += 1) assert.ok(found.has(`healed-${50_000 + i}`));
  assert.equal(await gateway.stop(), 0);
});

test("a gateway that starts without its broker waits for it", async () => {
  await broker.stop();
  await using gateway = await start([], { mayWait: true });
  assert.equal((await fetch(`${gateway.adminUrl}/startupz`)).status, 503);
  const refused = await gateway.post(request(0, "early"));
  assert.equal(refused.status, 503);
  await broker.start();
  await readiness(gateway, 200);
  const answer = (await (await gateway.post(request(0, "late"))).json()) as Answer;
  assert.equal(answer.stored, EVENTS_PER_REQUEST);
  assert.equal(await gateway.stop(), 0);
});
