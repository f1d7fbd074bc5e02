/**
 * Writes the pages of docs/ that are made from tables in the source. With the name of a page it
 * prints that page and writes nothing.
 *
 *   node scripts/gen-docs.mjs [configuration | metrics]
 */
import { mkdirSync, writeFileSync } from "node:fs";

import { configurationReference } from "../src/config/reference.ts";
import { metricsReference } from "../src/telemetry/reference.ts";

const PAGES = new Map([
  ["configuration", configurationReference],
  ["metrics", metricsReference],
]);

const [name] = process.argv.slice(2);
if (name === undefined) {
  const docs = new URL("../docs/", import.meta.url);
  mkdirSync(docs, { recursive: true });
  for (const [page, generate] of PAGES) {
    writeFileSync(new URL(`${page}.md`, docs), generate());
    console.log(`docs/${page}.md written`);
  }
} else {
  const generate = PAGES.get(name);
  if (generate === undefined) {
    console.error(`${name} is not one of ${[...PAGES.keys()].join(", ")}`);
    process.exitCode = 2;
  } else {
    process.stdout.write(generate());
  }
}
