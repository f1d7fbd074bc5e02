import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";

import { OPTIONS } from "./options.ts";
import { configurationReference } from "./reference.ts";
import { variableName } from "./rule.ts";

it("docs/configuration.md is what the option table says (node scripts/gen-docs.mjs)", () => {
  const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  assert.equal(page, configurationReference());
});

it("configurationReference names every option", () => {
  const page = configurationReference();
  for (const option of Object.keys(OPTIONS)) {
    assert.ok(page.includes(`\`${variableName(option)}\``), option);
  }
});
