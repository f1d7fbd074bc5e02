/**
 * The rows of the bad-input matrix about JSON and schemas, over HTTP: the published corpora and the
 * edges of every type. That stored bytes are equal to a reference encoder's is held beside the
 * codec and by the fault suites; here it counts what is taken, what is refused, and where.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Beside, soundEvent } from "../beside.ts";
import { Gateway } from "../gateway.ts";
import { postRequest, untilAnswered } from "../raw-peer.ts";

const TYPES = {
  long: "long",
  int: "int",
  double: "double",
  string: "string",
  bytes: "bytes",
  fixed: { type: "fixed", name: "Four", size: 4 },
  symbol: { type: "enum", name: "Symbol", symbols: ["A", "B"] },
  numbers: ["null", "int", "long", "string"],
  decimal: { type: "bytes", logicalType: "decimal", precision: 4, scale: 2 },
  uuid: { type: "string", logicalType: "uuid" },
  date: { type: "int", logicalType: "date" },
  at: { type: "long", logicalType: "timestamp-millis" },
  map: { type: "map", values: "int" },
  list: { type: "array", items: "int" },
  next: ["null", "Probe"],
} as const;

/** A record of every type, all of it optional: {type: [null, T], default: null}. */
function probeSchema(): string {
  const optional = (type: unknown) =>
    Array.isArray(type) ? (type as readonly unknown[]) : ["null", type];
  const fields = Object.entries(TYPES).map(([name, type]) => {
    return { name, type: optional(type), default: null };
  });
  const required = { name: "must", type: "int" };
  return JSON.stringify({ type: "record", name: "Probe", fields: [required, ...fields] });
}

let directory = "";
let gateway: Gateway;
let beside: Beside;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const tracked = new URL("../../packs/behaviour/track.avsc", import.meta.url);
  await writeFile(join(directory, "probe.avsc"), probeSchema());
  await writeFile(join(directory, "track.avsc"), await readFile(tracked));
  gateway = await Gateway.start({ flags: ["--pack", directory] });
  beside = await Beside.start(gateway);
});

after(async () => {
  await beside.end();
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
  readonly stored?: number;
  readonly rejected?: readonly {
    readonly index: number;
    readonly code: string;
    readonly kind?: string;
    readonly path?: string;
    readonly detail: string;
  }[];
}

async function post(body: string | Uint8Array, type = "application/json"): Promise<Answer> {
  const bytes = Buffer.from(body);
  const headers = [`Content-Length: ${bytes.length}`, `Content-Type: ${type}`];
  const request = Buffer.concat([Buffer.from(postRequest(headers, "")), bytes]);
  const { status, body: text } = await untilAnswered(gateway.port, request);
  return { status, ...(JSON.parse(text) as object) };
}

/** "stored", the kind of an event's fault and its place, or the code of the whole request. */
function verdictOf({ status, code, stored, rejected }: Answer): string {
  if (status !== 200) return String(code);
  if (stored === 1) return "stored";
  const [fault] = rejected ?? [];
  return `${fault?.kind ?? fault?.code} ${fault?.path ?? ""}`.trim();
}

async function verdict(body: string | Uint8Array): Promise<string> {
  return verdictOf(await post(body));
}

const probe = (members: string) => `{"type":"probe","data":{"must":1${members && `,${members}`}}}`;

type Expected = readonly (readonly [members: string, verdict: string])[];

/** Each as members of a record; gives how many were stored. */
async function judge(cases: Expected): Promise<number> {
  for (const [members, expected] of cases) {
    assert.equal(await verdict(probe(members)), expected, members.slice(0, 80));
  }
  return cases.filter(([, expected]) => expected === "stored").length;
}

async function readLines<T>(file: string): Promise<T[]> {
  const text = await readFile(new URL(`../data/${file}`, import.meta.url), "utf8");
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as T);
}

interface Sequence {
  readonly hex: string;
  readonly valid: boolean;
}

test("input 11: each of 409 UTF-8 sequences is stored or refused, alone", async () => {
  const sequences = (await readLines<Sequence>("utf8/sequences.ndjson")).filter(
    ({ hex }) => !/^(?:..)*(?:[01].|22|5c)/.test(hex),
  );
  const lines = sequences.map(({ hex }) => {
    const [head, end] = ['{"type":"probe","data":{"must":1,"string":"', '"}}\n'];
    return Buffer.concat([Buffer.from(head), Buffer.from(hex, "hex"), Buffer.from(end)]);
  });
  const body = Buffer.concat(lines);
  const { rejected = [], stored } = await post(body, "application/x-ndjson");
  const bad = sequences.flatMap(({ valid }, index) => (valid ? [] : [index]));
  assert.deepEqual(
    rejected.map(({ index, kind }) => [index, kind]),
    bad.map((index) => [index, "utf8"]),
  );
  assert.equal(stored, sequences.length - bad.length);
  await beside.unharmed({ stored: sequences.length - bad.length });
});

test("input 12: byte order marks and UTF-16 are not JSON", async () => {
  const text = soundEvent("bom");
  assert.equal(await verdict(`\ufeff${text}`), "bad_json");
  assert.equal(await verdict(Buffer.from(text, "utf16le")), "bad_json");
  assert.equal(await verdict(Buffer.from(`\ufeff${text}`, "utf16le")), "bad_json");
  assert.equal(await verdict(Buffer.from(text, "utf16le").swap16()), "bad_json");
  await beside.unharmed();
});

interface JsonCase {
  readonly name: string;
  readonly expect: "accept" | "reject" | "either" | "transform";
  readonly base64: string;
}

/** Each file as a member that is read and not stored. */
async function filesVerdicts(expect: JsonCase["expect"]): Promise<Map<string, Answer>> {
  const cases = await readLines<JsonCase>("json-parsing/cases.ndjson");
  const verdicts = new Map<string, Answer>();
  for (const { name, base64 } of cases.filter((each) => each.expect === expect)) {
    const head = Buffer.from('{"type":"probe","data":{"must":1},"ctx":');
    const body = Buffer.concat([head, Buffer.from(base64, "base64"), Buffer.from("}")]);
    verdicts.set(name, await post(body));
  }
  return verdicts;
}

test("input 13: every n_ file of JSONTestSuite is refused, with its place", async () => {
  const verdicts = await filesVerdicts("reject");
  for (const open of ["[".repeat(100_000), '[{"":'.repeat(50_000)]) {
    verdicts.set(open.slice(0, 5), await post(`{"ctx":${open}`));
  }
  assert.equal(verdicts.size, 188);
  for (const [name, { stored, status, detail, rejected }] of verdicts) {
    assert.ok(status === 400 || stored === 0, name);
    assert.match(detail ?? rejected?.[0]?.detail ?? "", /byte \d+|nest|empty|depth/, name);
  }
  await beside.unharmed();
});

test("input 14: every y_ file of JSONTestSuite is taken", async () => {
  const verdicts = await filesVerdicts("accept");
  assert.equal(verdicts.size, 95);
  for (const [name, { stored }] of verdicts) assert.equal(stored, 1, name);
  await beside.unharmed({ stored: 95 });
});

test("input 15: of the i_ files the numbers are taken, nothing else", async () => {
  const verdicts = await filesVerdicts("either");
  assert.equal(verdicts.size, 35);
  for (const [name, { stored }] of verdicts) {
    assert.equal(stored === 1, name.startsWith("i_number"), name);
  }
  await beside.unharmed({ stored: 10 });
});

test("input 16: nesting beyond 64 is depth, in whatever is nested", async () => {
  const nested = (open: string, close: string, depth: number) =>
    `{"type":"probe","data":{"must":1},"ctx":${open.repeat(depth)}1${close.repeat(depth)}}`;
  assert.equal(await verdict(nested("[", "]", 63)), "stored");
  const expected = new Set<string>();
  for (const depth of [65, 1_000, 100_000]) {
    expected.add(await verdict(nested("[", "]", depth)));
    expected.add(await verdict(nested('{"a":', "}", depth)));
  }
  assert.deepEqual([...expected], ["depth"]);
  await beside.unharmed({ stored: 1 });
});

test("input 17: numbers at the edges of their types are exact or refused", async () => {
  const stored = await judge([
    ['"long":9223372036854775807', "stored"],
    ['"long":-9223372036854775808', "stored"],
    ['"long":9223372036854775808', "range /data/long"],
    ['"long":9007199254740993', "stored"],
    ['"long":1.0', "stored"],
    ['"int":0.1', "type /data/int"],
    ['"int":2147483648', "range /data/int"],
    ['"int":-0', "stored"],
    ['"double":1e400', "range /data/double"],
    ['"double":-0.0', "stored"],
    ['"double":NaN', "bad_json"],
    ['"double":Infinity', "bad_json"],
    ['"long":01', "bad_json"],
    ['"long":+1', "bad_json"],
    ['"long":"7"', "type /data/long"],
  ]);
  await beside.unharmed({ stored });
});

test("input 18: numbers of many digits and huge exponents are refused in bounded time", async () => {
  await judge([
    [`"long":1${"0".repeat(30_000)}`, "range /data/long"],
    ['"double":1e999999999', "range /data/double"],
    ['"long":1e999999999', "range /data/long"],
    [`"double":${"7".repeat(1_000_000)}`, "too_large"],
  ]);
  await beside.unharmed();
});

test("input 19: strings: too long, lone surrogates, NUL, naughty ones", async () => {
  const naughty = ["\u202e", "${jndi:ldap://x}", "' OR 1=1 --", "\u001b[31m", "%s%n", "<script>"];
  const stored = await judge([
    [`"string":"${"x".repeat(1_000_000)}"`, "too_large"],
    ['"string":"\\ud800"', "utf8"],
    ['"string":"\\udc00\\ud800"', "utf8"],
    ['"string":"\\ud83d\\ude00"', "stored"],
    ['"string":"a\\u0000b"', "stored"],
    ['"string":"\u0001"', "bad_json"],
    ...naughty.map((text) => [`"string":${JSON.stringify(text)}`, "stored"] as const),
  ]);
  await beside.unharmed({ stored });
});

test("input 20: keys twice are refused, and no key reaches a prototype", async () => {
  const stored = await judge([
    ['"long":1,"long":1', "duplicate /data/long"],
    ['"long":1,"l\\u006fng":1', "duplicate /data/long"],
    ['"map":{"a":1,"\\u0061":2}', "duplicate /data/map/a"],
    ['"__proto__":{"polluted":1},"constructor":1,"hasOwnProperty":1', "stored"],
    ['"map":{"__proto__":1,"constructor":2,"toString":3}', "stored"],
  ]);
  const names = ["__proto__", "constructor", "hasOwnProperty", "toString"];
  for (const type of names) {
    assert.equal(await verdict(`{"type":"${type}","data":{}}`), "unknown_type /type");
  }
  await beside.unharmed({ stored });
});

test("input 21: thousands of keys like array indexes are taken or too large", async () => {
  const keys = (count: number) =>
    Array.from({ length: count }, (_, index) => `"${index * 2 ** 16}":1`).join(",");
  const stored = await judge([
    [`"map":{${keys(1_800)}}`, "stored"],
    [keys(1_800), "stored"],
    [`"map":{${keys(60_000)}}`, "too_large"],
  ]);
  await beside.unharmed({ stored });
});

test("input 22: what does not fit its schema is refused with its place", async () => {
  assert.equal(await verdict('{"type":"probe","data":{}}'), "missing /data/must");
  assert.equal(await verdict('{"type":"probe"}'), "missing /data");
  assert.equal(await verdict('{"type":"probe","data":{"must":null}}'), "type /data/must");
  const stored = await judge([
    ['"string":7', "type /data/string"],
    ['"symbol":"C"', "enum /data/symbol"],
    ['"fixed":"abc"', "length /data/fixed"],
    ['"fixed":"abcd"', "stored"],
    ['"bytes":"\\u0100"', "format /data/bytes"],
    ['"extra":{"deep":[1]}', "stored"],
    ['"list":[1,"2"]', "type /data/list/1"],
    ['"next":{"must":1,"next":{}}', "missing /data/next/next/must"],
  ]);
  await beside.unharmed({ stored });
});

test("input 23: unions take the branch that fits, bare or tagged, or say that none does", async () => {
  const stored = await judge([
    ['"numbers":1', "stored"],
    ['"numbers":2147483648', "stored"],
    ['"numbers":"x"', "stored"],
    ['"numbers":null', "stored"],
    ['"numbers":1.5', "union /data/numbers"],
    ['"numbers":true', "union /data/numbers"],
    ['"numbers":{"nothing":1}', "union /data/numbers"],
  ]);
  await beside.unharmed({ stored });
});

test("input 24: recursion, large maps and arrays meet their limits, not the process", async () => {
  const nest = (depth: number) => `${'"next":{"must":1,'.repeat(depth)}"int":1${"}".repeat(depth)}`;
  const ones = (count: number) => Array<number>(count).fill(1).join(",");
  const stored = await judge([
    [nest(60), "stored"],
    [`"list":[${ones(15_000)}]`, "stored"],
    [`"list":[${ones(400_000)}]`, "too_large"],
    ['"map":{}', "stored"],
  ]);
  assert.equal(await verdict(probe(nest(500))), "depth");
  await beside.unharmed({ stored });
});

test("input 25: logical types out of their range are refused", async () => {
  const stored = await judge([
    ['"decimal":"12.34"', "stored"],
    ['"decimal":"123.45"', "range /data/decimal"],
    ['"decimal":"1.234"', "range /data/decimal"],
    ['"date":"2026-11-21"', "stored"],
    ['"date":"2026-02-30"', "format /data/date"],
    ['"at":"2026-11-21T10:00:00Z"', "stored"],
    ['"at":"yesterday"', "format /data/at"],
    ['"uuid":"018F6B1A-7C2E-7A31-9A57-3B1D0C4E5F60"', "stored"],
    ['"uuid":"018f6b1a"', "format /data/uuid"],
  ]);
  await beside.unharmed({ stored });
});
