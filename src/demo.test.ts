import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { loadConfig } from "./config/load.ts";
import { demoPages } from "./demo.ts";
import { loadPack } from "./schema/pack.ts";

const PACKS = fileURLToPath(new URL("../packs", import.meta.url));

function config(...argv: string[]) {
  const loaded = loadConfig({ argv, env: {}, readFile: () => "", isTty: false });
  assert.ok(loaded.kind === "config");
  return loaded.config;
}

test("demoPages: page, client and one sample of each type, good and bad", async () => {
  for (const name of ["behaviour", "aiops", "commerce"]) {
    const pages = demoPages(config(), await loadPack(name, PACKS));
    assert.deepEqual(
      [...pages.keys()],
      ["/demo", "/demo/client.js", "/demo/live.js", "/demo/samples.json"],
    );
    const text = pages.get("/demo/samples.json")?.body ?? "";
    const samples = JSON.parse(text) as { good: object[]; bad: object[] };
    assert.ok(samples.good.length > 2 && samples.good.length <= 12, name);
    assert.ok(samples.bad.length > 0, name);
  }
});

test("demoPages: none where others could come, or where senders have keys", async () => {
  const pack = await loadPack("behaviour", PACKS);
  const keyed = [{ id: "a", sources: [{ id: "b", writeKey: "0123456789abcdef" }] }];
  assert.equal(demoPages({ ...config(), host: "0.0.0.0" }, pack).size, 0);
  assert.equal(demoPages({ ...config(), tenants: keyed as never }, pack).size, 0);
});
