/**
 * Rows of the fault matrix about leaving: a gateway is told to go under load, told twice, or told
 * while Kafka stands still. A real broker of this test's own, which may be suspended.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { Gateway } from "../gateway.ts";
import { writeCorpusPack } from "./corpus.ts";
import type { CorpusPack } from "./corpus.ts";
import { Load } from "./load.ts";
import { byId, readAll } from "./read-back.ts";

let directory: string;
let broker: Instance;
let pack: CorpusPack;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const prefix = `sluice-test-${randomBytes(4).toString("hex")}`;
  pack = await writeCorpusPack(join(directory, "pack"), prefix);
  broker = await startInstance("kafka");
});

after(async () => {
  await broker.remove();
  await rm(directory, { recursive: true, force: true });
});

function start(further: readonly string[] = []): Promise<Gateway> {
  const flags = ["--pack", pack.directory, "--kafka-brokers", broker.address, "--create-topics"];
  return Gateway.start({ flags: [...flags, ...further] });
}

test("row 33: SIGTERM under load: every accepted event is answered, exit 0", async () => {
  await using gateway = await start();
  const load = await Load.start({ gateway, run: "drain", http: 3, streams: 2, pauseMs: 1 });
  await load.more(2_000);
  gateway.signal("SIGTERM");
  assert.equal(await gateway.ended(), 0);
  await load.stop();
  for (const code of load.closeCodes) assert.equal(code, 1012);
  assert.deepEqual([...load.retryCodes.streams], []);
  const records = await readAll(broker.address, pack.topics);
  load.judge(records);
  const found = byId(records);
  const unanswered = load.lost.filter((id) => found.has(id));
  assert.deepEqual(unanswered, [], "whatever is stored was answered");
});

/** Nothing waits for longer than seconds. */
const HASTY = [
  ["--kafka-message-timeout-ms", "1000", "--http-deadline-ms", "1000"],
  ["--drain-deadline-ms", "6500"],
].flat();
/** Records that nobody judges keep it for longer than the test takes. */
const HELD_UP = [
  ["--kafka-message-timeout-ms", "300000", "--http-deadline-ms", "1000"],
  ["--drain-deadline-ms", "310000"],
].flat();

for (const { name, isTwice, exitCodes } of [
  // 0 if every record was judged in time, 1 if the deadline came first.
  { name: "retry for the rest, gone by the deadline", isTwice: false, exitCodes: [0, 1] },
  { name: "told a second time, gone at once with 1", isTwice: true, exitCodes: [1] },
]) {
  test(`row 34: SIGTERM while Kafka stands still: ${name}`, async () => {
    await using gateway = await start(isTwice ? HELD_UP : HASTY);
    const run = isTwice ? "twice" : "still";
    const load = await Load.start({ gateway, run, http: 3, streams: 1 });
    await load.more(500);
    await broker.suspend();
    try {
      while (load.toldCodes.size === 0) await delay(10);
      gateway.signal("SIGTERM");
      while (!gateway.output.includes('"msg":"draining"')) await delay(10);
      // One Ctrl-C may arrive twice within moments: that counts as one.
      if (isTwice) setTimeout(() => gateway.signal("SIGTERM"), 1_000);
      const exitCode = await gateway.ended();
      assert.ok(typeof exitCode === "number" && exitCodes.includes(exitCode), `${exitCode}`);
    } finally {
      broker.resume();
    }
    await load.stop();
    assert.ok(load.retryCodes.http.has("kafka_timeout"));
    load.judge(await readAll(broker.address, pack.topics));
  });
}
