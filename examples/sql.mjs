/**
 * Asks PostgreSQL one question, as psql does, where psql is not at hand. The database is the one of
 * `npm run services`, or that of SLUICE_POSTGRES_URL.
 *
 *   npm run example -- sql "SELECT count(*) FROM behaviour_events.page"
 */
import pg from "pg";

import { status } from "../scripts/services/control.mjs";

const [question] = process.argv.slice(2);
const connectionString = process.env["SLUICE_POSTGRES_URL"] ?? (await status("postgres")).address;
if (question === undefined || question.startsWith("--")) {
  console.error('npm run example -- sql "SELECT …"');
  process.exit(2);
}
const client = new pg.Client({ connectionString });
try {
  await client.connect();
  const { rows } = await client.query(question);
  console.table(rows);
} catch (error) {
  console.error(`${connectionString}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.end();
}
