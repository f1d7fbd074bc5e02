/** The life of a private server, on the one that starts fastest. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as elapsed } from "node:timers/promises";

import { startInstance, sweepInstances } from "./control.mjs";
import { answersRedis } from "./readiness.mjs";

const LOGIN = ["AUTH sluice sluice-secret"];

describe("startInstance", () => {
  it("killed, started, stopped, restarted: the same address, new processes", async () => {
    await using server = await startInstance("redis", { settings: { maxmemory: "32mb" } });
    const { address, ports, pid } = server;
    assert.equal(address, `redis://sluice:sluice-secret@127.0.0.1:${ports.plain}`);
    assert.equal(await answersRedis(ports.plain, LOGIN), true);
    await server.kill();
    assert.equal(server.processes[0].state, "gone");
    assert.equal(await answersRedis(ports.plain, LOGIN), false);
    await server.start();
    assert.equal(server.address, address);
    assert.notEqual(server.pid, pid);
    await server.stop();
    assert.equal(server.pid, undefined);
    await server.restart();
    assert.equal(await answersRedis(ports.plain, LOGIN), true);
  });

  it("suspended: silent until it is started or resumed", async () => {
    await using server = await startInstance("redis");
    await server.suspend();
    assert.equal(server.processes[0].state, "suspended");
    assert.equal(await answersRedis(server.ports.plain, LOGIN), false);
    await server.start();
    assert.equal(await answersRedis(server.ports.plain, LOGIN), true);
  });

  it("removed: its process and its directory are gone", async () => {
    const server = await startInstance("redis");
    await server.remove();
    assert.equal(existsSync(server.directory), false);
    assert.equal(await answersRedis(server.ports.plain, LOGIN), false);
  });

  it("a directory of an earlier server: that one is ended, the directory stays", async () => {
    const first = await startInstance("redis");
    const { directory } = first;
    const second = await startInstance("redis", { directory });
    assert.equal(await answersRedis(first.ports.plain, LOGIN), false);
    await second.remove();
    assert.equal(existsSync(directory), true);
    await first.remove();
  });

  for (const signal of ["SIGTERM", "SIGKILL"]) {
    it(`whose owner is ended by ${signal}: its guard ends it`, async () => {
      const { owner, directory, port } = await startOwner();
      await end(owner, signal);
      while (existsSync(directory)) await elapsed(20);
      assert.equal(await answersRedis(port, LOGIN), false);
    });
  }

  it("whose owner and guard are killed: swept by the next one", async () => {
    const { owner, directory, port } = await startOwner();
    process.kill(guardOf(owner), "SIGKILL");
    await end(owner, "SIGKILL");
    assert.equal(await answersRedis(port, LOGIN), true);
    await sweepInstances();
    assert.equal(existsSync(directory), false);
    assert.equal(await answersRedis(port, LOGIN), false);
  });
});

/** A process that starts a private server and waits. */
async function startOwner() {
  const control = JSON.stringify(new URL("./control.mjs", import.meta.url).href);
  const script = `import { startInstance } from ${control};
    const server = await startInstance("redis");
    console.log(JSON.stringify({ directory: server.directory, port: server.ports.plain }));
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "--eval", script]);
  const [line] = await once(owner.stdout, "data");
  return { owner, ...JSON.parse(String(line)) };
}

async function end(owner, signal) {
  const exited = once(owner, "exit");
  owner.kill(signal);
  await exited;
}

function guardOf(owner) {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/u.test(name));
  return Number(pids.find((pid) => isGuardOf(owner, pid)));
}

function isGuardOf(owner, pid) {
  try {
    const isGuard = readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("guard-process.mjs");
    return (
      isGuard && readFileSync(`/proc/${pid}/status`, "utf8").includes(`\nPPid:\t${owner.pid}\n`)
    );
  } catch {
    return false;
  }
}
