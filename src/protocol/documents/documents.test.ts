/** The published documents: sound by the rules of AsyncAPI and OpenAPI, their examples true. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

import { CLOSE_RULES, OUTCOME_RULES, PROBLEM_RULES } from "../../errors.ts";
import { NATIVE_PATH } from "../../dialect/native.ts";
import { FRAME_EVENTS_MAX } from "../../limits/events.ts";
import { parseControlFrame } from "../frames.ts";
import { asyncapiDocument } from "./asyncapi.ts";
import { EVENTS_PATH, STREAM_PATH } from "./facts.ts";
import { CLIENT_FRAMES, frameName, SERVER_FRAMES } from "./frame-schemas.ts";
import { openapiDocument } from "./openapi.ts";

const require = createRequire(import.meta.url);

test("asyncapi.json is sound by the official schema of AsyncAPI 3", () => {
  const path = require.resolve("@asyncapi/specs/schemas/3.0.0.json");
  // The schema brings its own copy of draft 07.
  const ajv = new Ajv({ strict: false, meta: false, validateSchema: false });
  addFormats.default(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(path, "utf8")) as object);
  assert.ok(validate(asyncapiDocument()), ajv.errorsText(validate.errors).slice(0, 2_000));
  const { info: _, ...broken } = asyncapiDocument() as { readonly info: object };
  assert.equal(validate(broken), false, "the judge sees what is missing");
});

test("openapi.json is sound by the official schema of OpenAPI 3.1", async () => {
  const validator = new Validator();
  // The validator takes any JSON object.
  const result = await validator.validate(openapiDocument() as Record<string, unknown>);
  assert.ok(result.valid, JSON.stringify(result.errors));
  assert.equal(validator.version, "3.1");
  const broken = { ...openapiDocument(), paths: { "/x": { get: { responses: 5 } } } };
  assert.equal((await new Validator().validate(broken)).valid, false);
});

/** Every object in a document, with where it stands. */
function* walk(value: unknown, place = "#"): Generator<readonly [string, object]> {
  if (typeof value !== "object" || value === null) return;
  yield [place, value];
  for (const [name, member] of Object.entries(value)) {
    yield* walk(member, `${place}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  }
}

for (const [name, document] of [
  ["openapi", openapiDocument()],
  ["asyncapi", asyncapiDocument()],
] as const) {
  test(`${name}.json: every reference leads somewhere`, () => {
    const places = new Set([...walk(document)].map(([place]) => place));
    for (const [place, value] of walk(document)) {
      const target = (value as { readonly $ref?: unknown }).$ref;
      if (typeof target === "string") assert.ok(places.has(target), `${place}: ${target}`);
    }
  });

  test(`${name}.json: every example is what its schema says`, () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ ...document, $id: name });
    let count = 0;
    for (const [place, value] of walk(document)) {
      const { examples, example, schema, payload } = value as Record<string, unknown>;
      const isSchema = place.startsWith("#/components/schemas/") && Array.isArray(examples);
      const checks: [string, unknown][] = [
        ...(isSchema ? examples.map((each): [string, unknown] => [place, each]) : []),
        ...(example !== undefined && schema !== undefined
          ? [[`${place}/schema`, example] as [string, unknown]]
          : []),
        ...(payload !== undefined && Array.isArray(examples)
          ? (examples as { readonly payload: unknown }[]).map((each): [string, unknown] => [
              `${place}/payload`,
              each.payload,
            ])
          : []),
      ];
      for (const [where, sample] of checks) {
        const validate = ajv.compile({ $ref: name + where });
        assert.ok(validate(sample), `${where}: ${ajv.errorsText(validate.errors)}`);
        count += 1;
      }
    }
    assert.ok(count > 5, "there are examples");
  });
}

test("what sluice says has no members but those of its schema", () => {
  for (const { t } of SERVER_FRAMES) {
    const schema = schemaOf(frameName(t, "server"));
    assert.equal(schema["additionalProperties"], false, t);
  }
  for (const { t } of CLIENT_FRAMES) {
    assert.equal(schemaOf(frameName(t, "client"))["additionalProperties"], undefined, t);
  }
});

function schemaOf(name: string): Record<string, unknown> {
  const document = asyncapiDocument() as {
    readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
  };
  return document.components.schemas[name] ?? assert.fail(`there is no schema ${name}`);
}

test("the examples of a client's control frames are read by the gateway", () => {
  for (const { t, example } of CLIENT_FRAMES) {
    if (t === "pub") continue;
    const parsed = parseControlFrame(JSON.stringify(example));
    assert.ok(parsed.kind === "frame", t);
    assert.equal(parsed.frame.t, t);
  }
});

test("the documents say what the tables of the code say", () => {
  const { enum: finals } = schemaOf("FinalCode");
  const { enum: retries } = schemaOf("RetryCode");
  const codes = (isFinal: boolean) =>
    Object.entries(OUTCOME_RULES)
      .filter(([, rule]) => rule.final === isFinal)
      .map(([code]) => code);
  assert.deepEqual(finals, codes(true));
  assert.deepEqual(retries, codes(false));
  const asyncapi = JSON.stringify(asyncapiDocument());
  for (const { code, text } of Object.values(CLOSE_RULES)) {
    assert.ok(asyncapi.includes(`| ${code} | ${text} |`), String(code));
  }
  const openapi = JSON.stringify(openapiDocument());
  for (const code of Object.keys(PROBLEM_RULES)) assert.ok(openapi.includes(`\`${code}\``), code);
  assert.ok(openapi.includes(`"maxItems":${FRAME_EVENTS_MAX}`));
  assert.equal(EVENTS_PATH, NATIVE_PATH);
  assert.ok(openapi.includes(STREAM_PATH));
});
