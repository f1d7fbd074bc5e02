/**
 * Writes the pages of docs/ that are made from tables in the source. With `--check` it writes
 * nothing and fails when a page is stale.
 *
 *   node scripts/gen-docs.mjs [--check]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { configurationReference } from "../src/config/reference.ts";
import { metricsReference } from "../src/telemetry/reference.ts";

const PAGES = {
  "configuration.md": configurationReference,
  "metrics.md": metricsReference,
};

const docs = new URL("../docs/", import.meta.url);
const isCheck = process.argv.includes("--check");
let staleCount = 0;

mkdirSync(docs, { recursive: true });
for (const [name, generate] of Object.entries(PAGES)) {
  const page = new URL(name, docs);
  const text = generate();
  if (readPage(page) === text) {
    continue;
  }
  staleCount += 1;
  if (isCheck) {
    console.error(`docs/${name} is stale; run: node scripts/gen-docs.mjs`);
  } else {
    writeFileSync(page, text);
    console.log(`docs/${name} written`);
  }
}
process.exitCode = isCheck && staleCount > 0 ? 1 : 0;

function readPage(page) {
  try {
    return readFileSync(page, "utf8");
  } catch {
    return "";
  }
}
