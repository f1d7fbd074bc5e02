/**
 * A fault row about file descriptors: none are left. In long mode, since it is not steady: a lane
 * whose commit hangs meanwhile gets a spare that cannot connect, and its partitions are `retry`
 * until descriptors are free. Real gateway and Kafka.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { test } from "node:test";

import { testService } from "../services.ts";
import { crowd, faultRow } from "./fault-row.ts";

const heal = () => {};

test("row 40: no file descriptors left: who is there is served, later all are", () =>
  faultRow({ brokers: testService("kafka"), heal }, async ({ gateway, load }) => {
    const { pid } = gateway.run;
    const used = (await readdir(`/proc/${pid}/fd`)).length;
    execFileSync("prlimit", ["--pid", `${pid}`, `--nofile=${used + 20}:`]);
    const sockets = await crowd(gateway.port, 200);
    await load.more(400);
    assert.deepEqual([...load.toldCodes], []);
    assert.deepEqual(load.closeCodes, []);
    for (const socket of sockets) socket.destroy();
    execFileSync("prlimit", ["--pid", `${pid}`, `--nofile=${used + 1_000}:`]);
    const answer = await gateway.post("[]", { connection: "close" });
    assert.equal(answer.status, 200, await answer.text());
  }));
