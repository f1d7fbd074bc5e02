/**
 * The commands as processes: exit codes, signals, pipes whose reader goes away, and the run file by
 * which `tail` finds the broker inside a running sluice.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import {
  connectProducer,
  MOCK,
  scratchName,
  type ScratchProducer,
} from "../delivery/testing/scratch-topic.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessWithoutNullStreams {
  const { PATH = "" } = process.env;
  return spawn(process.execPath, [MAIN, ...argv], { env: { PATH, ...env } });
}

async function exitOf(child: ChildProcessWithoutNullStreams): Promise<unknown> {
  // `exit` has the code and the signal; null is the code of a process that a signal ended.
  const [code, signal] = (await once(child, "exit")) as unknown[];
  return signal ?? code;
}

describe("sluice as a process", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-process-"));
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  it("an unknown command, exits with 2 and one line on standard error", async () => {
    const child = start(["tial"]);
    const [code, stderr] = await Promise.all([exitOf(child), text(child.stderr)]);
    assert.equal(code, 2);
    assert.equal(stderr, "tial is not a command of sluice. Did you mean tail?\n");
  });

  it("encode, whose reader goes away in the middle of endless input, exits by itself", async () => {
    const schema = join(directory, "a.avsc");
    await writeFile(schema, '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}');
    const child = start(["encode", "--schema", schema]);
    const exit = exitOf(child);
    child.stdin.on("error", () => undefined);
    const lines = Buffer.from('{"a":1}\n'.repeat(10_000));
    const feed = (): void => {
      while (child.stdin.writable && child.stdin.write(lines));
      child.stdin.once("drain", feed);
    };
    feed();
    await once(child.stdout, "data");
    child.stdout.destroy();
    assert.equal(await exit, 0);
  });

  describe("tail, with the run file of a sluice", () => {
    let producer: ScratchProducer;
    const registry = createServer((request, response) => {
      response.setHeader("content-type", "application/json");
      response.statusCode = request.url === "/schemas/ids/7" ? 200 : 404;
      response.end(JSON.stringify({ schema: '"string"' }));
    });
    before(async () => {
      producer = await connectProducer(MOCK);
      registry.listen(0, "127.0.0.1");
      await once(registry, "listening");
      // A server that listens on an address has one.
      const { port } = registry.address() as AddressInfo;
      const facts = {
        pid: process.pid,
        brokers: producer.brokers,
        registryUrl: `http://127.0.0.1:${port}`,
      };
      await writeFile(join(directory, "sluice.json"), JSON.stringify(facts));
    });
    after(async () => {
      registry.close();
      await producer.close();
    });

    async function topicWith(count: number): Promise<string> {
      const topic = scratchName("process");
      const value = Buffer.from("00000000070a68656c6c6f", "hex");
      await producer.store(
        topic,
        Array.from({ length: count }, () => ({ partition: 0, value })),
      );
      return topic;
    }

    it("prints decoded records, and Ctrl-C ends it with 0", async () => {
      const topic = await topicWith(2);
      const child = start(["tail", topic, "--from-beginning"], { SLUICE_DATA_DIR: directory });
      const exit = exitOf(child);
      const printed: string[] = [];
      for await (const line of createInterface(child.stdout)) {
        printed.push(line);
        if (printed.length === 2) child.kill("SIGINT");
      }
      assert.equal(await exit, 0);
      assert.equal(printed.length, 2);
      assert.match(printed[0] ?? "", /"schema":\{"id":7,"name":"string"\},"value":"hello"\}$/);
    });

    it("a reader that takes one line of many, ends it with 0", async () => {
      const topic = await topicWith(3_000);
      const child = start(["tail", topic, "--from-beginning"], { SLUICE_DATA_DIR: directory });
      const exit = exitOf(child);
      await once(child.stdout, "data");
      child.stdout.destroy();
      assert.equal(await exit, 0);
    });
  });
});
