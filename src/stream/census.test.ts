import assert from "node:assert/strict";
import { test } from "node:test";

import { createAdmission } from "../admission/create.ts";
import { keyDigest } from "../admission/keys.ts";
import { readTenants } from "../admission/tenants-file.ts";
import { Census } from "./census.ts";

const file = {
  tenants: {
    shop: {
      limits: { connections: 3 },
      sources: {
        web: { writeKeys: [{ sha256: keyDigest("web") }], limits: { connections: 2 } },
        app: { writeKeys: [{ sha256: keyDigest("app") }] },
      },
    },
  },
};
const options = { types: null, numberOf: () => 0, readSalt: () => "" };
const read = readTenants(JSON.stringify(file), options);
assert.equal(read.kind, "table");
const admission = createAdmission({ table: read.table, keyless: null });

async function principal(credentials: string) {
  const admitted = await admission.admit({ credentials, origin: "", loopback: false });
  assert.equal(admitted.kind, "admitted");
  return admitted.principal;
}

test("Census: counts a source and its tenant, and forgets who left", async () => {
  const [web, app] = [await principal("web"), await principal("app")];
  const census = new Census();
  const [first, second, third] = [{}, {}, {}];
  assert.equal(census.enter(first, web), true);
  assert.equal(census.enter(second, web), true);
  assert.equal(census.enter({}, web), false, "the source is full");
  assert.equal(census.enter(third, app), true);
  assert.equal(census.enter({}, app), false, "the tenant is full");
  census.leave({});
  census.leave(first);
  census.leave(first);
  assert.equal(census.enter({}, web), true);
  assert.equal(census.enter({}, app), false);
});
