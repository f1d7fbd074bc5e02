/** `sluice replay` and `sluice export` on a real broker: what is meant, in its order, and noted. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import avsc from "avsc";

import { testService } from "../../test/services.ts";
import { makeHeader } from "../consumer/testing/make-header.ts";
import { readTopic, type KafkaRecord } from "../delivery/reader.ts";
import {
  connectProducer,
  scratchName,
  ScratchTopics,
  type ScratchProducer,
} from "../delivery/testing/scratch-topic.ts";
import { RegistryClient } from "../schema/registry.ts";
import { runCommand } from "./testing/run-command.ts";

const brokers = testService("kafka");
const registryUrl = testService("registry");
const PLACES = ["--brokers", brokers, "--registry", registryUrl];
const SCHEMA = { type: "record", name: "Counted", fields: [{ name: "n", type: "long" }] } as const;
const DAY_MS = 86_400_000;
const START_MS = Date.parse("2026-05-01T23:59:00Z");
const RECORDS = 1_200;
const KEYS = 7;

describe("sluice replay and export", () => {
  const topics = new ScratchTopics(brokers);
  const avro = avsc.Type.forSchema({ ...SCHEMA, fields: [...SCHEMA.fields] });
  let producer: ScratchProducer;
  let directory: string;
  let source: string;
  let audit: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-replay-"));
    producer = await connectProducer(brokers);
    const registry = new RegistryClient({ urls: [registryUrl], timeoutMs: 5_000 });
    const registered = await registry.register(scratchName("subject"), JSON.stringify(SCHEMA));
    registry.close();
    assert.equal(registered.kind, "found");
    const head = Buffer.alloc(5);
    head.writeUInt32BE(registered.kind === "found" ? registered.value.id : 0, 1);
    source = await topics.create("replay", 3);
    audit = await topics.create("audit", 1);
    await producer.store(
      source,
      Array.from({ length: RECORDS }, (_, n) => ({
        partition: (n % KEYS) % 3,
        key: `k${n % KEYS}`,
        value: Buffer.concat([head, avro.toBuffer({ n })]),
        headers: [{ sluice: makeHeader({ id: `e${n}`, type: n % 2 === 0 ? "even" : "odd" }) }],
        // Two days, half of the records in each.
        timestampMs: START_MS + Math.floor((n * 2) / RECORDS) * DAY_MS + n,
      })),
    );
    const headers = [{ "sluice-canary": Buffer.from("nobody's event") }];
    await producer.store(source, [{ partition: 0, key: "k", value: Buffer.alloc(0), headers }]);
  });
  after(async () => {
    await producer.close();
    await topics.remove();
    await rm(directory, { recursive: true, force: true });
  });

  const run = (words: readonly string[], signal?: AbortSignal) =>
    runCommand([...words, ...PLACES], {
      env: { SLUICE_AUDIT_TOPIC: audit },
      ...(signal !== undefined && { signal }),
    });

  async function readAll(topic: string): Promise<KafkaRecord[]> {
    const { signal } = new AbortController();
    const options = { brokers, security: null, topic, connectTimeoutMs: 60_000, signal };
    return await Array.fromAsync(readTopic({ ...options, from: "beginning", stopAtEnd: true }));
  }

  const numberOf = ({ value }: KafkaRecord): number => {
    const { n } = avro.fromBuffer(Buffer.from(value ?? []).subarray(5)) as { readonly n: number };
    return n;
  };

  it("to a topic, interrupted and resumed: each record once, keys in order, marked, noted", async () => {
    const target = await topics.create("replayed", 2);
    const state = join(directory, "state.json");
    const words = ["replay", source, "--to-topic", target, "--state", state, "--rate"];
    const abort = new AbortController();
    // So slow that it is still at it when some of it has been seen.
    const running = run([...words, "20"], abort.signal);
    while ((await readAll(target)).length === 0);
    abort.abort();
    const first = await running;
    assert.match(first.stderr, /run it again to go on/);
    words.push("1000");
    const second = await run(words);
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, /^\d+ records of \S+ replayed\n$/, "no bar without a terminal");
    const third = await run(words);
    assert.match(third.stderr, /^0 records/);
    const records = await readAll(target);
    assert.deepEqual(
      records.map(numberOf).toSorted((a, b) => a - b),
      Array.from({ length: RECORDS }, (_, n) => n),
    );
    for (let key = 0; key < KEYS; key += 1) {
      const own = records.filter((record) => String(Buffer.from(record.key ?? [])) === `k${key}`);
      assert.equal(new Set(own.map(({ partition }) => partition)).size, 1);
      assert.deepEqual(
        own.map(numberOf),
        own.map(numberOf).toSorted((a, b) => a - b),
      );
    }
    const [name, mark] = records[0]?.headers.at(-1) ?? [];
    assert.equal(name, "sluice-replay");
    const { topic } = JSON.parse(String(Buffer.from(mark ?? []))) as { readonly topic: string };
    assert.equal(topic, source);
    const notes = (await readAll(audit)).map(({ value }) => String(Buffer.from(value ?? [])));
    assert.equal(notes.filter((note) => note.includes('"replay_started"')).length, 3);
    assert.equal(notes.filter((note) => note.includes('"replay_ended"')).length, 3);
  });

  it("killed and run again: no record is missing, keys keep their order, few come twice", async () => {
    const target = await topics.create("replayed", 2);
    const state = join(directory, "killed.json");
    const main = fileURLToPath(new URL("../main.ts", import.meta.url));
    const words = ["replay", source, "--to-topic", target, "--state", state, ...PLACES, "--rate"];
    const env = { PATH: process.env["PATH"], SLUICE_AUDIT_TOPIC: audit };
    let seen = 0;
    for (const rate of ["200", "400", "100000"]) {
      const child = spawn(process.execPath, [main, ...words, rate], { env, stdio: "ignore" });
      const exit = once(child, "exit");
      const isLast = rate === "100000";
      // Killed once more of it has been seen, at whatever it is just then.
      while (!isLast && (await readAll(target)).length < seen + 60);
      if (!isLast) child.kill("SIGKILL");
      const [code] = (await exit) as [number | null];
      assert.equal(code, isLast ? 0 : null);
      seen = (await readAll(target)).length;
    }
    const records = await readAll(target);
    const numbers = records.map(numberOf);
    assert.deepEqual(new Set(numbers), new Set(Array.from({ length: RECORDS }, (_, n) => n)));
    assert.ok(records.length - RECORDS <= 2 * 500, "at most a portion twice for each kill");
    for (let key = 0; key < KEYS; key += 1) {
      const own = [...new Set(numbers.filter((n) => n % KEYS === key))];
      assert.deepEqual(
        own,
        own.toSorted((a, b) => a - b),
      );
    }
  });

  it("--from and --until a time, --type, --key: what is meant is printed", async () => {
    const secondDay = new Date(START_MS + DAY_MS).toISOString();
    const only = ["--type", "odd", "--key", "k3", "--print"];
    const late = await run(["replay", source, "--from", secondDay, ...only]);
    const numbers = late.stdout
      .trimEnd()
      .split("\n")
      .map((line) => Number(/"value":\{"n":(\d+)\}/.exec(line)?.[1]));
    const expected = Array.from({ length: RECORDS }, (_, n) => n).filter((n) => {
      return n >= RECORDS / 2 && n % 2 === 1 && n % KEYS === 3;
    });
    assert.deepEqual(numbers, expected);
    const early = await run(["replay", source, "--until", secondDay, ...only]);
    assert.equal(early.stdout.trimEnd().split("\n").length + numbers.length, 86);
  });

  it("to a file: a container that others read; a second schema or no target is refused", async () => {
    const file = join(directory, "even.avro");
    const made = await run(["replay", source, "--type", "even", "--to-file", file]);
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await decodeFile(file)).length, RECORDS / 2);
    assert.equal((await run(["replay", source])).code, 2);
    assert.equal((await run(["replay", source, "--print", "--from", "soon"])).code, 2);
  });

  it("export: a file for each day, whole ones alone", async () => {
    const made = await run(["export", source, "--directory", directory]);
    assert.equal(made.code, 0, made.stderr);
    const files = globSync(join(directory, source, "day=*", "*")).toSorted();
    assert.deepEqual(
      files.map((file) => file.split("/").at(-2)),
      ["day=2026-05-01", "day=2026-05-02"],
    );
    const counts = await Promise.all(files.map(async (file) => (await decodeFile(file)).length));
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      RECORDS,
    );
    const notes = (await readAll(audit))
      .map(({ value }) => JSON.parse(String(Buffer.from(value ?? []))) as Record<string, unknown>)
      .filter(({ what }) => String(what).startsWith("export"));
    assert.deepEqual(
      notes.map(({ what, topic }) => [what, topic]),
      [
        ["export_started", source],
        ["export_ended", source],
      ],
    );
    assert.equal(notes[1]?.["records"], RECORDS);
  });

  function decodeFile(file: string): Promise<unknown[]> {
    return Array.fromAsync(avsc.createFileDecoder(file));
  }
});
