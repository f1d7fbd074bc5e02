import assert from "node:assert/strict";
import test from "node:test";

import { handleRegistryRequest, type HeldSchemas } from "./registry-routes.ts";
import { RegistryClient } from "./registry.ts";
import { recordText } from "./testing/registry-contract.ts";

const CLICK = recordText("shop.Click", "a");
const PAGE = recordText("shop.Page", "a");
const SCHEMAS: HeldSchemas = {
  held: () => [
    { subject: "clicks/a b", schemaId: 1, version: 1, text: CLICK },
    { subject: "pages", schemaId: 2, version: 4, text: PAGE },
    { subject: "views", schemaId: 2, version: 1, text: PAGE },
  ],
};

test("handleRegistryRequest answers as Confluent's registry", () => {
  const version = { subject: "pages", version: 4, id: 2, schema: PAGE };
  const cases: readonly (readonly [string, unknown])[] = [
    ["/schemas/types", ["AVRO"]],
    ["/schemas/ids/1", { schema: CLICK }],
    ["/schemas/ids/1?subject=x&fetchMaxId=false", { schema: CLICK }],
    ["/schemas/ids/1/schema", JSON.parse(CLICK)],
    ["/schemas/ids/2/subjects", ["pages", "views"]],
    [
      "/schemas/ids/2/versions",
      [
        { subject: "pages", version: 4 },
        { subject: "views", version: 1 },
      ],
    ],
    ["/subjects", ["clicks/a b", "pages", "views"]],
    ["/subjects/", ["clicks/a b", "pages", "views"]],
    ["/subjects/clicks%2Fa%20b/versions", [1]],
    ["/subjects/pages/versions/latest", version],
    ["/subjects/pages/versions/4", version],
    ["/subjects/pages/versions/4/schema", JSON.parse(PAGE)],
  ];
  for (const [path, expected] of cases) {
    const answer = handleRegistryRequest(SCHEMAS, path);
    assert.ok(answer !== undefined, path);
    assert.equal(answer.status, 200);
    assert.equal(answer.contentType, "application/vnd.schemaregistry.v1+json");
    assert.deepEqual(JSON.parse(answer.body), expected);
  }
});

test("handleRegistryRequest says with Confluent's codes what is not there", () => {
  const cases: readonly (readonly [string, number, number])[] = [
    ["/schemas/ids/9", 404, 40_403],
    ["/schemas/ids/x", 404, 40_403],
    ["/schemas/ids/9/versions", 404, 40_403],
    ["/subjects/x/versions", 404, 40_401],
    ["/subjects/x/versions/1", 404, 40_401],
    ["/subjects/pages/versions/3", 404, 40_402],
    ["/subjects/pages/versions/0", 422, 42_202],
    ["/subjects/pages/versions/newest", 422, 42_202],
  ];
  for (const [path, status, code] of cases) {
    const answer = handleRegistryRequest(SCHEMAS, path);
    assert.ok(answer !== undefined, path);
    const { error_code: error } = JSON.parse(answer.body) as { readonly error_code: number };
    assert.deepEqual([answer.status, error], [status, code], path);
  }
});

test("handleRegistryRequest leaves all other paths to others", () => {
  for (const path of [
    "",
    "/",
    "/metrics",
    "/schemas",
    "/schemas/ids",
    "/schemas/ids/1/nope",
    "/schemas/ids/1/schema/more",
    "/subjects/pages",
    "/subjects/pages/versions/4/nope",
    "/subjects/pages/versions/4/schema/more",
    "/subjects/%zz/versions",
  ]) {
    assert.equal(handleRegistryRequest(SCHEMAS, path), undefined, path);
  }
});

test("RegistryClient reads what handleRegistryRequest answers", async () => {
  const client = new RegistryClient({
    urls: ["http://admin"],
    timeoutMs: 1_000,
    fetch: async (input) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const answer = handleRegistryRequest(SCHEMAS, url.pathname);
      return new Response(answer?.body ?? "Not found", { status: answer?.status ?? 404 });
    },
  });
  const byId = await client.schemaById(2);
  assert.deepEqual(byId, { kind: "found", value: { text: PAGE, references: [] } });
  const latest = await client.latest("clicks/a b");
  assert.ok(latest.kind === "found" && latest.value.text === CLICK && latest.value.version === 1);
  assert.equal((await client.latest("nope")).kind, "missing");
});
