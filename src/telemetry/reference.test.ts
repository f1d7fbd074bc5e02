import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";

import { METRICS } from "./metrics.ts";
import { metricsReference } from "./reference.ts";

it("docs/metrics.md is what the metric table says (node scripts/gen-docs.mjs)", () => {
  const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  assert.equal(page, metricsReference());
});

it("metricsReference names every metric", () => {
  const page = metricsReference();
  for (const { name } of Object.values(METRICS)) {
    assert.ok(page.includes(`## ${name}\n`), name);
  }
});
