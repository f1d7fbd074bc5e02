import assert from "node:assert/strict";
import test from "node:test";

import { RESOLVE_BURST, RESOLVE_FLIGHTS_MAX } from "../limits/schemas.ts";
import { fingerprintHex } from "./avro/canonical.ts";
import { DEFAULT_POINTERS } from "./pack-file.ts";
import type { PackType } from "./pack.ts";
import { RegistryClient } from "./registry.ts";
import { type Resolution, SchemaResolver } from "./resolver.ts";
import { FakeClock, until } from "./testing/fake-clock.ts";
import { always, DOWN, FakeRegistry, silent } from "./testing/fake-registry.ts";
import { recordText } from "./testing/registry-contract.ts";
import {
  type AcceptSchema,
  readTypeSchema,
  type SchemaFault,
  type TypeSchema,
  unavailable,
} from "./type-schema.ts";

const V1 = recordText("Click", "a");
const V2 = recordText("Click", "a", "b");
const V3 = recordText("Click", "a", "b", "c");

test("SchemaResolver knows the type's own schema by all its names without asking", async () => {
  const { resolve, fake, current } = setUp();
  const hex = fingerprintHex(current.fingerprint);
  const bytes = Buffer.from(hex, "hex").swap64().toString("hex");
  for (const ref of [
    String(current.schemaId),
    "clicks",
    "clicks:latest",
    "clicks:3",
    `fp:${hex}`,
    `fp:${bytes}`,
  ]) {
    assert.deepEqual(await resolve(ref), {
      kind: "schema",
      schema: { ...current, schemaRef: ref },
    });
  }
  assert.equal(fake.requests.length, 0);
});

test("SchemaResolver finds earlier schemas by id, version and fingerprint", async () => {
  for (const tellsUses of [true, false]) {
    const { resolve, fake, ids, fingerprints } = setUp();
    fake.tellsUses = tellsUses;
    for (const ref of [String(ids[0]), "clicks:1", `fp:${fingerprints[0]}`]) {
      const { schemaId, version, text, schemaRef } = schemaOf(await resolve(ref));
      assert.deepEqual([schemaId, version, text, schemaRef], [ids[0], 1, V1, ref]);
    }
    const requests = fake.requests.length;
    await resolve("clicks:1");
    assert.equal(fake.requests.length, requests);
  }
});

test("SchemaResolver refuses a schema of another subject, whatever registry it is", async () => {
  for (const tellsUses of [true, false]) {
    const { resolve, fake } = setUp();
    fake.tellsUses = tellsUses;
    const other = fake.put("secrets", recordText("Secret", "a"));
    assert.equal(faultOf(await resolve(String(other))).code, "schema_unknown");
    const asked = fake.requests.length;
    for (const ref of ["secrets", "secrets:1", "secrets:latest"]) {
      assert.equal(faultOf(await resolve(ref)).code, "schema_unknown");
    }
    assert.equal(fake.requests.length, asked);
  }
});

test("SchemaResolver refuses names that can be none without asking", async () => {
  const { resolve, fake } = setUp();
  const refs = ["", "0", "-1", "1.5", "4294967296", "2147483648", "1e3", "99999999999999999999"];
  refs.push("fp:", "fp:12", "fp:zzzzzzzzzzzzzzzz", "clicks:", "clicks:0", "clicks:-1", "clicks:x");
  refs.push("clicks:1:2", "Clicks", "x".repeat(100_000));
  for (const ref of refs) {
    const { code, detail } = faultOf(await resolve(ref));
    assert.equal(code, "schema_unknown");
    assert.ok(detail.length < 200);
  }
  assert.equal(fake.requests.length, 0);
});

test("SchemaResolver: unknown is final once the registry has said so", async () => {
  const { resolve, fake, clock } = setUp();
  for (const ref of ["77", "clicks:77", "fp:0123456789abcdef"]) {
    assert.equal(faultOf(await resolve(ref)).code, "schema_unknown");
    const requests = fake.requests.length;
    await resolve(ref);
    assert.equal(fake.requests.length, requests);
    clock.advance(30_000);
    await resolve(ref);
    assert.ok(fake.requests.length > requests);
  }
});

test("SchemaResolver: a registry that cannot answer makes it retry for a second", async () => {
  for (const trouble of [DOWN, always(500, ""), always(404, "<html>"), always(401, "")]) {
    const { resolve, fake, clock } = setUp();
    fake.trouble = trouble;
    assert.equal(faultOf(await resolve("clicks:1")).code, "registry_unavailable");
    const requests = fake.requests.length;
    await resolve("clicks:1");
    assert.equal(fake.requests.length, requests);
    clock.advance(1_000);
    fake.trouble = undefined;
    assert.equal(schemaOf(await resolve("clicks:1")).text, V1);
  }
});

test("SchemaResolver answers retry after 2 s, and has the schema when it comes", async () => {
  const { resolve, fake, clock } = setUp();
  const answer = Promise.withResolvers<Response>();
  fake.trouble = () => answer.promise;
  const late = resolve("clicks:1");
  await until(() => fake.requests.length === 1);
  clock.advance(2_000);
  assert.match(faultOf(await late).detail, /did not answer within 2000 ms/);
  fake.trouble = undefined;
  const again = resolve("clicks:1");
  answer.resolve(new Response(JSON.stringify({ id: 1, version: 1, schema: V1 })));
  assert.equal(schemaOf(await again).text, V1);
  assert.equal(fake.requests.length, 1);
});

test("SchemaResolver asks once for a schema that many events name at once", async () => {
  const { resolve, fake } = setUp();
  const all = await Promise.all(Array.from({ length: 50 }, () => resolve("clicks:1")));
  assert.ok(all.every((resolution) => resolution.kind === "schema"));
  assert.equal(fake.requests.length, 1);
});

test("input 27: SchemaResolver bounds what 100 000 distinct unknown ids can do", async () => {
  const { resolve, fake, clock } = setUp();
  let unavailableCount = 0;
  for (let id = 1_000; id < 101_000; id++) {
    if (faultOf(await resolve(String(id))).code === "registry_unavailable") unavailableCount++;
  }
  assert.equal(fake.requests.length, RESOLVE_BURST);
  assert.equal(unavailableCount, 100_000 - RESOLVE_BURST);
  clock.advance(1_000);
  assert.equal(schemaOf(await resolve("clicks:1")).version, 1);
});

test("SchemaResolver bounds the look-ups under way", async () => {
  const { resolve, fake, clock } = setUp();
  fake.trouble = silent;
  const waiting = Array.from({ length: RESOLVE_FLIGHTS_MAX + 5 }, (_, id) =>
    resolve(`${1_000 + id}`),
  );
  await until(() => fake.requests.length === RESOLVE_FLIGHTS_MAX);
  const refused = await Promise.all(waiting.slice(RESOLVE_FLIGHTS_MAX));
  for (const resolution of refused) assert.match(faultOf(resolution).detail, /too many schemas/);
  clock.advance(2_000);
  for (const resolution of await Promise.all(waiting)) {
    assert.equal(faultOf(resolution).code, "registry_unavailable");
  }
});

test("SchemaResolver refuses for good a schema that cannot be used", async () => {
  const { resolve } = setUp({ accept: ({ text }) => (text === V2 ? "too odd" : undefined) });
  const { code, detail } = faultOf(await resolve("clicks:2"));
  assert.deepEqual(
    [code, detail],
    ["schema_unknown", 'the schema "clicks:2" cannot be used: too odd'],
  );
});

test("SchemaResolver: a type without schema has its reason; versions are asked for", async () => {
  const { resolver, type } = setUp();
  const reason = unavailable("not loaded yet");
  assert.equal(await resolver.resolve(type, "clicks", reason), reason);
  assert.equal(schemaOf(await resolver.resolve(type, "clicks:1", reason)).text, V1);
});

test("SchemaResolver, embedded: there is nothing but the types' own schemas", async () => {
  const { type, current } = setUp();
  const accept: AcceptSchema = () => undefined;
  const resolver = new SchemaResolver({ registry: null, accept, clock: new FakeClock() });
  assert.equal((await resolver.resolve(type, "clicks:3", current)).kind, "schema");
  assert.equal(faultOf(await resolver.resolve(type, "clicks:1", current)).code, "schema_unknown");
});

test("SchemaResolver forgets what a registry said before it lost its data", async () => {
  const { resolve, resolver, client, fake } = setUp();
  assert.equal(schemaOf(await resolve("clicks:1")).text, V1);
  fake.loseAll();
  resolver.forget();
  client.forget();
  assert.equal(faultOf(await resolve("clicks:1")).code, "schema_unknown");
});

interface SetUp {
  readonly resolve: (ref: string) => Promise<Resolution>;
  readonly resolver: SchemaResolver;
  readonly client: RegistryClient;
  readonly fake: FakeRegistry;
  readonly clock: FakeClock;
  readonly type: PackType;
  readonly current: TypeSchema;
  readonly ids: readonly number[];
  readonly fingerprints: readonly string[];
}

/** Three versions of the subject `clicks`; the third is the type's own. */
function setUp({ accept = () => undefined }: { readonly accept?: AcceptSchema } = {}): SetUp {
  const fake = new FakeRegistry();
  const clock = new FakeClock();
  const urls = ["http://registry"];
  const { fetch } = fake;
  const client = new RegistryClient({ urls, timeoutMs: 60_000, deadlineMs: 60_000, fetch, clock });
  const resolver = new SchemaResolver({ registry: client, accept, clock });
  const type: PackType = {
    type: "click",
    schemaFile: "click.avsc",
    schemaText: V1,
    topic: "events",
    subject: "clicks",
    pointers: DEFAULT_POINTERS,
    keyRequired: false,
    json: "plain",
  };
  fake.put("unrelated", recordText("Unrelated", "a"));
  const ids = [V1, V2, V3].map((text) => fake.put("clicks", text));
  const read = (text: string, version: number): TypeSchema => {
    const numbers = { schemaId: ids[version - 1] ?? 0, version, text, references: [] };
    const schema = readTypeSchema(type, numbers, () => undefined);
    assert.ok(typeof schema !== "string");
    return schema;
  };
  const fingerprints = [V1, V2, V3].map((text, at) =>
    fingerprintHex(read(text, at + 1).fingerprint),
  );
  const current = read(V3, 3);
  const resolve = (ref: string): Promise<Resolution> => resolver.resolve(type, ref, current);
  return { resolve, resolver, client, fake, clock, type, current, ids, fingerprints };
}

function schemaOf(resolution: Resolution): TypeSchema {
  assert.ok(resolution.kind === "schema", "detail" in resolution ? resolution.detail : "");
  return resolution.schema;
}

function faultOf(resolution: Resolution): SchemaFault {
  assert.ok(resolution.kind === "fault", "a schema was found");
  return resolution;
}
