import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOUDEVENT_HEADERS_BYTES_MAX } from "../limits/events.ts";
import { cloudEventHeaders, cloudEventScope } from "./cloudevents-record.ts";

const bytes = (event: object): Uint8Array => new TextEncoder().encode(JSON.stringify(event));

test("cloudEventHeaders: attributes and extensions as text; neither data nor what is no attribute", () => {
  const event = { id: "a", source: "/ö", n: 5, yes: true, none: null, Upper: "x", o: {}, data: {} };
  assert.deepEqual(cloudEventHeaders(bytes({ ...event, datacontenttype: "text/xml" })), [
    ["content-type", "application/avro"],
    ["ce_id", "a"],
    ["ce_source", "/ö"],
    ["ce_n", "5"],
    ["ce_yes", "true"],
  ]);
});

test("cloudEventHeaders: have a bound", () => {
  const long = "x".repeat(CLOUDEVENT_HEADERS_BYTES_MAX);
  const names = cloudEventHeaders(bytes({ id: "a", long, late: "b" })).map(([name]) => name);
  assert.deepEqual(names, ["content-type", "ce_id"]);
});

test("cloudEventScope: the source, told from the id that follows", () => {
  assert.equal(cloudEventScope(bytes({ source: "/a" })), "/a\0");
  assert.equal(cloudEventScope(bytes({})), "");
});
