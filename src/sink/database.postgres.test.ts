/** A transaction on a real PostgreSQL whose connection is cut between two of its statements. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { testService } from "../../test/services.ts";
import { queryDatabase } from "../../test/sink.ts";
import { Database } from "./database.ts";

const url = testService("postgres");
const schema = `d${randomUUID().slice(0, 8)}`;

before(async () => {
  await queryDatabase(url, `CREATE SCHEMA ${schema}`);
  await queryDatabase(url, `CREATE TABLE ${schema}.marks (n int)`);
});

after(async () => {
  await queryDatabase(url, `DROP SCHEMA ${schema} CASCADE`);
});

test("none of its statements holds, neither those before the cut nor those after it", async () => {
  const database = new Database({ url, schema });
  const broken = database.transaction(async () => {
    const [own] = await database.query<{ pid: number }>(
      "INSERT INTO marks VALUES (1) RETURNING pg_backend_pid() AS pid",
    );
    await queryDatabase(url, "SELECT pg_terminate_backend($1)", [own?.pid]);
    const alive = "SELECT 1 AS n FROM pg_stat_activity WHERE pid = $1";
    while ((await queryDatabase(url, alive, [own?.pid])).length > 0) await delay(5);
    // The end of the connection is heard by then.
    await delay(100);
    await database.query("INSERT INTO marks VALUES (2)");
  });
  await assert.rejects(broken);
  assert.deepEqual(await database.query("SELECT n FROM marks"), []);
  await database.transaction(async () => {
    await database.query("INSERT INTO marks VALUES (3)");
  });
  assert.deepEqual(await database.query("SELECT n FROM marks"), [{ n: 3 }]);
  await database.close();
});
