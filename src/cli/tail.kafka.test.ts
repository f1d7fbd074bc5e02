/**
 * `sluice tail` on a real broker with a real registry: what was stored is printed, and it stops
 * well.
 */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { after, before, describe, it } from "node:test";

import { testService } from "../../test/services.ts";
import {
  connectProducer,
  scratchName,
  ScratchTopics,
  type ScratchProducer,
} from "../delivery/testing/scratch-topic.ts";
import { RegistryClient } from "../schema/registry.ts";
import { runCli } from "./run.ts";
import { jsonLines, runCommand } from "./testing/run-command.ts";

const brokers = testService("kafka");
const registryUrl = testService("registry");
const PLACES = ["--brokers", brokers, "--registry", registryUrl];

const SCHEMA = JSON.stringify({
  type: "record",
  name: "sluice.test.Counted",
  fields: [
    { name: "n", type: "long" },
    { name: "tags", type: { type: "map", values: "int" } },
  ],
});

/** n = 2^53 + 1 and the map {"b":1,"2":2}: both lose their value or order as JavaScript objects. */
const BODY = Buffer.from("82808080808080200402620202320400", "hex");
const JSON_VALUE = '{"n":9007199254740993,"tags":{"b":1,"2":2}}';

describe("sluice tail", () => {
  const topics = new ScratchTopics(brokers);
  let producer: ScratchProducer;
  let schemaId: number;

  before(async () => {
    producer = await connectProducer(brokers);
    const registry = new RegistryClient({ urls: [registryUrl], timeoutMs: 5_000 });
    const registered = await registry.register(scratchName("subject"), SCHEMA);
    assert.equal(registered.kind, "found");
    schemaId = registered.kind === "found" ? registered.value.id : 0;
    registry.close();
  });
  after(async () => {
    await producer.close();
    await topics.remove();
  });

  function avroValue(): Buffer {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(schemaId, 1);
    return Buffer.concat([header, BODY]);
  }

  it("--no-follow, prints all digits of each record, and why one is no Avro", async () => {
    const topic = await topics.create("tail", 1);
    const timestampMs = 1_789_379_000_000;
    await producer.store(topic, [
      { partition: 0, key: "k", value: avroValue(), headers: [{ h: "1" }], timestampMs },
      { partition: 0, value: Buffer.from("plain text"), timestampMs },
      { partition: 0, key: "gone", value: null, timestampMs },
      { partition: 0, value: avroValue().subarray(0, 9), timestampMs },
    ]);
    const run = await runCommand(["tail", topic, "--no-follow", ...PLACES]);
    assert.equal(run.stderr, "");
    assert.equal(run.code, 0);
    const [avro, text, tombstone, cut, ...rest] = run.stdout.trimEnd().split("\n");
    assert.equal(
      avro,
      `{"topic":"${topic}","partition":0,"offset":0,"timestamp":${timestampMs},"key":"k",` +
        `"headers":{"h":"1"},"schema":{"id":${schemaId},"name":"sluice.test.Counted"},` +
        `"value":${JSON_VALUE}}`,
    );
    assert.match(
      text ?? "",
      /"value":null,"hex":"706c61696e2074657874","text":"plain text","reason":"This is no Avro/,
    );
    assert.match(tombstone ?? "", /"key":"gone","headers":\{\},"schema":null,"value":null\}$/);
    assert.match(cut ?? "", /"reason":"The value does not fit schema \d+: .* at byte \d+\."\}$/);
    assert.deepEqual(rest, []);
  });

  it("--from-beginning --count, stops in the middle of a topic", async () => {
    const topic = await topics.create("tail", 1);
    const values = Array.from({ length: 30 }, () => ({ partition: 0, value: avroValue() }));
    await producer.store(topic, values);
    const run = await runCommand(["tail", topic, "--from-beginning", "--count", "7", ...PLACES]);
    assert.equal(run.code, 0);
    const offsets = jsonLines(run.stdout).map((line) => line["offset"]);
    assert.deepEqual(offsets, [0, 1, 2, 3, 4, 5, 6]);
  });

  it("follows until Ctrl-C, and exits with 0", async () => {
    const topic = await topics.create("tail", 1);
    await producer.store(topic, [{ partition: 0, value: avroValue() }]);
    const abort = new AbortController();
    let printed = "";
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const running = runCommand(["tail", topic, "--from-beginning", ...PLACES], {
      signal: abort.signal,
      onStdout: (chunk) => {
        printed += chunk;
        first.resolve();
        if (printed.split("\n").length > 2) second.resolve();
      },
    });
    await first.promise;
    await producer.store(topic, [{ partition: 0, value: avroValue() }]);
    await second.promise;
    abort.abort();
    const run = await running;
    assert.equal(run.code, 0);
    assert.equal(run.stdout.trimEnd().split("\n").length, 2);
  });

  it("--timeout, ends when no record comes", async () => {
    const topic = await topics.create("tail", 1);
    const run = await runCommand(["tail", topic, "--timeout", "1", ...PLACES]);
    assert.deepEqual(run, { code: 0, stdout: "", stderr: "" });
  });

  it("a reader that goes away, ends it with 0", async () => {
    const topic = await topics.create("tail", 1);
    await producer.store(topic, [{ partition: 0, value: avroValue() }]);
    const stdout = new PassThrough({ readableHighWaterMark: 0, writableHighWaterMark: 0 });
    const broken = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    stdout.once("data", () => stdout.destroy(broken));
    const code = await runCli(
      ["tail", topic, "--from-beginning", ...PLACES],
      {},
      {
        stdin: new PassThrough(),
        stdout,
        stderr: new PassThrough(),
        colour: { stdout: false, stderr: false },
        signal: new AbortController().signal,
      },
    );
    assert.equal(code, 0);
  });

  it("a topic that does not exist, is one sentence and exit code 1", async () => {
    const run = await runCommand(["tail", scratchName("none"), ...PLACES]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /^Kafka has no topic sluice-test-none-\S+; there are .*\.\n$/);
  });

  it("a registry that is down, prints the records undecoded", async () => {
    const topic = await topics.create("tail", 1);
    await producer.store(topic, [{ partition: 0, value: avroValue() }]);
    const places = ["--brokers", brokers, "--registry", "http://127.0.0.1:9"];
    const run = await runCommand(["tail", topic, "--no-follow", ...places]);
    assert.equal(run.code, 0);
    assert.match(
      run.stdout,
      /"schema":null,"value":null,"hex":"00[0-9a-f]+","reason":"The registry does not give schema/,
    );
  });
});
