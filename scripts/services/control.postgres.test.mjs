/** A private PostgreSQL: what was committed outlives the death of its server. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import pg from "pg";

import { startInstance } from "./control.mjs";

async function ask(url, sql) {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("a private PostgreSQL", () => {
  it("kill -9 and start: same address, same rows; settings hold", async () => {
    await using server = await startInstance("postgres", { settings: { work_mem: "3MB" } });
    await ask(server.address, "CREATE TABLE kept AS SELECT 7 AS n");
    assert.deepEqual(await ask(server.address, "SHOW work_mem"), [{ work_mem: "3MB" }]);
    await server.kill();
    await assert.rejects(ask(server.address, "SELECT 1"));
    await server.start();
    assert.deepEqual(await ask(server.address, "SELECT n FROM kept"), [{ n: 7 }]);
    await server.restart();
    assert.deepEqual(await ask(server.address, "SELECT n FROM kept"), [{ n: 7 }]);
  });
});
