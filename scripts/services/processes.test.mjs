/** Processes are recognised by more than their pid, and locks die with their holder. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { tryLock, withLock } from "./lock.mjs";
import { busyPorts, isPortFree, reservePorts } from "./ports.mjs";
import {
  identify,
  killProcess,
  parseStat,
  processState,
  residentBytes,
  resumeProcess,
  signalProcess,
  startDetached,
  stateOf,
  suspendProcess,
  terminateProcess,
} from "./processes.mjs";

const SLEEP_SECONDS = "300";

describe("parseStat", () => {
  it("a name with blanks and brackets: fields counted behind it", () => {
    const behind = Array.from({ length: 18 }, (_, index) => String(index + 4)).join(" ");
    assert.deepEqual(parseStat(`42 (a) b (c) S ${behind} 987654 0 0`), {
      state: "S",
      threadCount: 20,
      startTicks: 987_654,
    });
  });
});

describe("stateOf", () => {
  for (const [letter, threadCount, state] of [
    ["S", 1, "running"],
    ["T", 1, "suspended"],
    ["Z", 1, "gone"],
    ["Z", 30, "running"],
    ["X", 0, "gone"],
  ]) {
    it(`${letter} with ${threadCount} threads: ${state}`, () => {
      assert.equal(stateOf({ state: letter, threadCount }), state);
    });
  }
});

describe("a detached process", () => {
  let directory;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-processes-"));
  });
  after(() => rm(directory, { recursive: true }));

  const start = (script) =>
    startDetached({
      program: "/bin/sh",
      programArguments: ["-c", script],
      directory,
      environment: { GREETING: "hello" },
      logFile: join(directory, "out.log"),
    });

  it("runs, stands still, goes on and ends", async () => {
    const identity = await start(`exec sleep ${SLEEP_SECONDS}`);
    assert.equal(processState(identity), "running");
    assert.ok(residentBytes(identity) > 0);
    await suspendProcess(identity);
    assert.equal(processState(identity), "suspended");
    resumeProcess(identity);
    await terminateProcess(identity, 10_000);
    assert.equal(processState(identity), "gone");
    assert.equal(residentBytes(identity), 0);
    assert.equal(signalProcess(identity, "SIGTERM"), false);
  });

  it("that ignores SIGTERM: killed when patience ends", async () => {
    const identity = await start(`trap '' TERM; echo "$GREETING"; while :; do sleep 0.05; done`);
    while (!(await readFile(join(directory, "out.log"), "utf8")).includes("hello"));
    await terminateProcess(identity, 0);
    assert.equal(processState(identity), "gone");
  });

  it("that is suspended: ended by a request all the same", async () => {
    const identity = await start(`exec sleep ${SLEEP_SECONDS}`);
    await suspendProcess(identity);
    await terminateProcess(identity, 10_000);
    assert.equal(processState(identity), "gone");
  });

  it("a program that does not exist: rejects", async () => {
    await assert.rejects(
      startDetached({
        program: join(directory, "nothing"),
        programArguments: [],
        directory,
        environment: {},
        logFile: join(directory, "none.log"),
      }),
      { code: "ENOENT" },
    );
  });
});

describe("a pid that now belongs to another process", () => {
  it("another start time or another boot: gone, and never signalled", async () => {
    const child = spawn("sleep", [SLEEP_SECONDS]);
    const mine = identify(child.pid);
    const reused = { ...mine, startTicks: mine.startTicks - 1 };
    const beforeBoot = { ...mine, bootId: "00000000-0000-0000-0000-000000000000" };
    for (const identity of [reused, beforeBoot]) {
      assert.equal(processState(identity), "gone");
      assert.equal(signalProcess(identity, "SIGKILL"), false);
      await killProcess(identity);
    }
    assert.equal(processState(mine), "running");
    const exited = once(child, "exit");
    await killProcess(mine);
    assert.deepEqual(await exited, [null, "SIGKILL"]);
  });

  it("a pid nobody has: gone", () => {
    assert.equal(processState(identify(2 ** 22 + 1)), "gone");
  });
});

describe("a lock", () => {
  const name = `test ${process.pid} ${Math.random()}`;

  it("held: refused to others until it is free", async () => {
    const free = await tryLock(name);
    assert.equal(await tryLock(name), undefined);
    await free();
    const again = await tryLock(name);
    assert.notEqual(again, undefined);
    await again();
  });

  it("withLock: one after the other, freed after a failure", async () => {
    const order = [];
    const work = (label) => async () => {
      order.push(`${label} begins`);
      await new Promise((soon) => setImmediate(soon));
      order.push(`${label} ends`);
    };
    await assert.rejects(
      withLock(name, () => Promise.reject(new Error("no"))),
      /no/u,
    );
    await Promise.all([withLock(name, work("first")), withLock(name, work("second"))]);
    assert.deepEqual(order, ["first begins", "first ends", "second begins", "second ends"]);
  });

  it("whose holder is killed: free", async () => {
    const lockModule = JSON.stringify(new URL("./lock.mjs", import.meta.url).href);
    const script = `import { tryLock } from ${lockModule};
      await tryLock(${JSON.stringify(name)}); console.log("held"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--input-type=module", "--eval", script]);
    await once(holder.stdout, "data");
    assert.equal(await tryLock(name), undefined);
    const exited = once(holder, "exit");
    holder.kill("SIGKILL");
    await exited;
    const free = await tryLock(name);
    assert.notEqual(free, undefined);
    await free();
  });
});

describe("ports", () => {
  it("one that is listened on: busy, by its purpose", async () => {
    const server = createServer().listen({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    const { port } = server.address();
    assert.equal(await isPortFree(port), false);
    assert.deepEqual(await busyPorts({ tls: port }), [{ purpose: "tls", port }]);
    server.close();
    await once(server, "close");
    assert.equal(await isPortFree(port), true);
  });

  it("reservePorts: different ports, none given to the next caller", async () => {
    const first = await reservePorts(["a", "b"], () => 0.5);
    const second = await reservePorts(["a"], () => 0.5);
    assert.equal(new Set([first.ports.a, first.ports.b, second.ports.a]).size, 3);
    await first.free();
    await second.free();
  });
});
