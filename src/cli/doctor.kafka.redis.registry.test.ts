/**
 * `sluice doctor` on real servers: with nothing prepared, after its own advice was followed, and
 * with what is there but does not fit.
 */
import assert from "node:assert/strict";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { testService } from "../../test/services.ts";
import { scratchName, ScratchTopics } from "../delivery/testing/scratch-topic.ts";
import { startPrivateRedis } from "../session/testing/private-redis.ts";
import type { Finding } from "./doctor/finding.ts";
import { runCommand } from "./testing/run-command.ts";

const brokers = testService("kafka");
const registryUrl = testService("registry");

describe("sluice doctor with real servers", () => {
  const topics = new ScratchTopics(brokers);
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-doctor-"));
  });
  after(async () => {
    await topics.remove();
    await rm(directory, { recursive: true });
  });

  async function makePack(topic: string, fields: readonly object[]): Promise<string> {
    const pack = join(directory, topic);
    await mkdir(pack, { recursive: true });
    const schema = { type: "record", name: "Seen", namespace: "sluice.test", fields };
    await writeFile(join(pack, "seen.avsc"), JSON.stringify(schema));
    const types = { seen: { schema: "seen.avsc", topic } };
    await writeFile(
      join(pack, "pack.json"),
      JSON.stringify({ name: "scratch", topics: { [topic]: { partitions: 3 } }, types }),
    );
    return pack;
  }

  async function examine(
    pack: string,
    more: {
      readonly argv?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    } = {},
  ) {
    const env = {
      SLUICE_KAFKA_BROKERS: brokers,
      SLUICE_REGISTRY_URL: registryUrl,
      SLUICE_REDIS_URL: testService("redis"),
      SLUICE_PACK: pack,
      SLUICE_SESSION_TOPIC: "",
      SLUICE_AUDIT_TOPIC: "",
      ...more.env,
    };
    const run = await runCommand(["doctor", "--json", ...(more.argv ?? [])], { env });
    const report = JSON.parse(run.stdout) as { readonly checks: readonly Finding[] };
    const found = (check: string): Finding | undefined =>
      report.checks.find((finding) => finding.check === check);
    return { code: run.code, found, stdout: run.stdout };
  }

  it("nothing prepared, names each missing topic and subject with the command", async () => {
    const topic = scratchName("doctor");
    const pack = await makePack(topic, [{ name: "a", type: "int" }]);
    const { code, found } = await examine(pack, {
      argv: ["--probe", topic],
      env: { SLUICE_DEAD_LETTERS: "none" },
    });
    assert.equal(code, 1);
    assert.equal(found("kafka")?.status, "ok");
    for (const name of [topic, `${topic}.dlq`])
      assert.equal(found(`topic ${name}`)?.status, "failed");
    assert.match(found(`topic ${topic}`)?.command ?? "", /--create --topic \S+ --partitions 3$/);
    const subject = found(`subject ${topic}-sluice.test.Seen`);
    assert.equal(subject?.status, "failed");
    assert.equal(subject?.command, `./sluice schema register --pack ${pack}`);
    assert.match(found(`probe ${topic}`)?.text ?? "", /^the topic does not exist/);
  });

  it("the advice was followed, all is well and the probe is stored", async () => {
    const topic = await topics.create("doctor", 3);
    const pack = await makePack(topic, [{ name: "a", type: "int" }]);
    const place = ["--registry", registryUrl];
    assert.equal((await runCommand(["schema", "register", "--pack", pack, ...place])).code, 0);
    const { code, found, stdout } = await examine(pack, { argv: ["--probe", topic] });
    assert.equal(code, 0, stdout);
    assert.match(found(`topic ${topic}`)?.text ?? "", /^3 partitions, 1 replica; may be written/);
    assert.match(found(`probe ${topic}`)?.text ?? "", /^a record was stored/);
    assert.match(found(`subject ${topic}-sluice.test.Seen`)?.text ?? "", /fits the pack$/);
    for (const check of ["redis", "redis memory", "redis write", "clock"]) {
      assert.equal(found(check)?.status, "ok", check);
    }
    assert.equal(found("topic settings")?.status, "unchecked");

    await makePack(topic, [
      { name: "a", type: "int" },
      { name: "b", type: "string" },
    ]);
    const later = await examine(pack);
    assert.equal(later.code, 0);
    assert.match(found(`subject ${topic}-sluice.test.Seen`)?.text ?? "", /^version 1, id \d+/);
    const grown = later.found(`subject ${topic}-sluice.test.Seen`);
    assert.equal(grown?.status, "warning");
    assert.match(grown.text, /the pack's schema may not follow it/);
  });

  it("a Redis that evicts is a warning, a read-only or a closed one a failure", async () => {
    const pack = await makePack(scratchName("doctor"), [{ name: "a", type: "int" }]);
    const server = await startPrivateRedis({
      settings: ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"],
    });
    const env = { SLUICE_REDIS_URL: server.url };
    try {
      const evicting = await examine(pack, { env });
      assert.equal(evicting.found("redis memory")?.status, "warning");
      assert.match(evicting.found("redis memory")?.command ?? "", /maxmemory-policy noeviction$/);
      assert.equal(evicting.found("redis write")?.status, "ok");

      await server.admin.replicaof("127.0.0.1", 1);
      const readOnly = await examine(pack, { env });
      assert.equal(readOnly.found("redis write")?.status, "failed");
      assert.match(readOnly.found("redis write")?.mend ?? "", /not a replica/);
      await server.admin.replicaof("NO", "ONE");

      await server.admin.config("SET", "requirepass", "other");
      const closed = await examine(pack, { env });
      assert.match(closed.found("redis")?.mend ?? "", /correct user and password/);
      assert.equal(closed.code, 1);
    } finally {
      await server.kill();
    }
  });
});
