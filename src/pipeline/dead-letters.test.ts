import assert from "node:assert/strict";
import { test } from "node:test";

import { tableOfKeys } from "../admission/key-list.ts";
import { createCodec } from "../codec/create-codec.ts";
import type { DeadLetter, Delivery } from "../delivery/delivery.ts";
import { parseAvroSchema } from "../schema/avro/schema.ts";
import { compilePlan } from "../schema/plan/compile.ts";
import { DeadLetters } from "./dead-letters.ts";
import type { OpenFrame } from "./open-frame.ts";
import type { RouteBook } from "./routes.ts";

const SECRET = "zoe-7791";
const SCHEMA = JSON.stringify({
  type: "record",
  name: "R",
  fields: [
    { name: "mail", type: "string", "sluice.privacy": "hmac" },
    { name: "ip", type: "string", "sluice.privacy": "ip-truncate" },
    {
      name: "notes",
      type: ["null", { type: "map", values: "int" }],
      "sluice.privacy": "drop",
    },
    { name: "count", type: "int" },
  ],
});

/** The dead letters of events that are refused, as text. */
async function letters(events: readonly string[], payload: "none" | "redacted" | "raw") {
  const codec = await createCodec({ inputBytesMax: 65_536 });
  const pointers = { id: [], key: ["/count"], time: [], actor: [], session: [] };
  const schema = parseAvroSchema(SCHEMA);
  const plan = codec.loadPlan(
    compilePlan(schema, { json: "plain", pointers, hasPrivacySalt: true }),
  );
  codec.setRoute(0, { type: "t", plan, schemaId: 1, header: true, keyRequired: false });
  const written: DeadLetter[] = [];
  const delivery = {
    tenant: () => 1,
    deadLetter: (letter: DeadLetter) => written.push(letter) > 0,
  };
  const routes = { get: () => ({ type: { type: "t", topic: "topic" } }) };
  // Dead letters ask these rooms for nothing else.
  const parts = { delivery, routes } as unknown as { delivery: Delivery; routes: RouteBook };
  const deadLetters = new DeadLetters({ ...parts, payload });
  const context = {
    shape: "ndjson",
    payload: "data",
    typeMember: "",
    tenant: "acme",
    source: "web",
    receivedAtMs: 0,
    eventsMax: 100,
    privacySalt: "a salt for tests only",
  } as const;
  const result = codec.encode(Buffer.from(events.join("\n")), context);
  assert(result.kind === "table");
  const { table } = result;
  const frame = { table, context, batch: { receivedAtMs: 0 } } as unknown as OpenFrame;
  const policy = tableOfKeys([{ key: "k", tenant: "acme", source: "web" }]).sources.get("acme/web");
  assert.ok(policy !== undefined);
  const sender = { policy, scopes: ["write:*"] };
  for (let row = 0; row < table.count; row += 1) {
    assert.notEqual(table.status[row], 0, events[row]);
    const id = codec.text(table.idStart[row] ?? 0, table.idEnd[row] ?? 0);
    deadLetters.keep(frame, { row, id, fault: codec.describe(row), sender });
  }
  return written.map(({ key, value, headers }) =>
    [String(key), Buffer.from(value).toString(), ...headers.flat()].join(" "),
  );
}

const REFUSED = [
  `{"mail":"${SECRET}","ip":"${SECRET}","count":1}`,
  `{"mail":["${SECRET}"],"ip":"1.2.3.4","count":1}`,
  `{"mail":"${SECRET}","ip":"1.2.3.4","count":"x"}`,
  `{"mail":"${SECRET}","ip":"1.2.3.4"}`,
  `{"mail":"${SECRET}","ip":"1.2.3.4","count":1,"notes":{"${SECRET}":"${SECRET}"}}`,
  `{"mail":"${SECRET}","ip":"1.2.3.4","count":1,"notes":{"${SECRET}":1,"${SECRET}":2}}`,
  `{"mail":"${SECRET}","ip":"1.2.3.4","count":1,"notes":"${SECRET}"}`,
  `"${SECRET}"`,
  `{"mail":"${SECRET}","ip":${SECRET},"count":1}`,
].map((data) => `{"type":"t","data":${data}}`);

test("dead letters hold no private value unless the operator asked for raw ones", async () => {
  for (const payload of ["none", "redacted"] as const) {
    for (const letter of await letters(REFUSED, payload)) {
      assert(!letter.includes(SECRET), letter);
      assert(!letter.includes("7791"), letter);
    }
  }
  for (const letter of await letters(REFUSED, "raw")) assert(letter.includes(SECRET));
});
