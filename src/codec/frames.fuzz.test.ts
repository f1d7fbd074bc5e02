/**
 * Mutated frames of every shape: never a trap, every row within its bounds, good events untouched
 * by their neighbours.
 */
import assert from "node:assert/strict";
import { it } from "node:test";

import { ROW_STATUS } from "../records.ts";
import { loadCorpus } from "./testing/events.ts";
import { Harness } from "./testing/harness.ts";
import { mutate } from "./testing/mutate.ts";
import { seededRandom } from "./testing/random-schema.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env["SLUICE_TEST_ROUNDS"] ?? 1_500);
const DEBUG_MODULE = new URL("../../build/codec.debug.wasm", import.meta.url);
const NAMES = ["page_view", "unions", "annotated", "payment", "all_types"] as const;
const POINTERS = {
  id: ["/messageId", "/eventId"],
  key: ["/userId", "/aggregateId", "/data/sku"],
  time: ["/timestamp", "/occurredOn"],
  actor: ["/anonymousId"],
  session: ["/context/session"],
};

it(`mutated frames of every shape (seed ${SEED})`, async () => {
  const harness = await Harness.create({ inputBytesMax: 256 * 1024, moduleUrl: DEBUG_MODULE });
  const random = seededRandom(SEED);
  const lines = NAMES.map((type) => {
    const { schemaText, bytes } = loadCorpus(type);
    harness.route({ type, schemaText, header: true, pointers: POINTERS });
    const all = Buffer.from(bytes).toString().trimEnd().split("\n");
    return all.filter((line) => line.length < 4_000);
  });
  const event = (isNative: boolean): string => {
    const which = random(NAMES.length);
    const record = lines[which]?.[random(lines[which].length)] ?? "{}";
    if (!isNative) return record;
    const members = [
      `"type":"${NAMES[which]}"`,
      `"data":${record}`,
      '"id":"i\\u0031"',
      '"ts":"2026-01-02T03:04:05Z"',
      '"key":"k"',
      '"schema":null',
    ].slice(0, 2 + random(5));
    if (random(2) === 0) members.reverse();
    return `{${members.join(",")}}`;
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const isNative = random(2) === 0;
    const events = Array.from({ length: 1 + random(5) }, () => event(isNative));
    const list = events.join(",");
    const frames = [
      { shape: "json", text: `[${list}]` },
      { shape: "json", text: `{"sentAt":5,"events":[${list}],"x":[]}` },
      { shape: "pub", text: `{"events":[${list}],"type":"unions","seq":7,"t":"pub"}` },
      { shape: "ndjson", text: events.join("\n") },
      { shape: "json", text: events[0] ?? "{}" },
    ] as const;
    const { shape, text } = frames[random(frames.length)] ?? frames[0];
    const frame = random(5) === 0 ? Buffer.from(text) : mutate(Buffer.from(text), random);
    const payload = isNative ? "data" : "whole";
    const context = { shape, payload, defaultType: NAMES[random(NAMES.length)] ?? "" } as const;
    const result = harness.frame(new Uint8Array(frame), context);
    assert.equal(harness.codec.stats().traps, 0, `round ${round}: ${frame.toString()}`);
    if (result.kind === "table") checkRows(harness, result, frame.length);
  }
});

/** Spans are ordered and lie in the memory, statuses are known, refusals can be described. */
function checkRows(
  harness: Harness,
  { table }: Extract<ReturnType<Harness["frame"]>, { readonly kind: "table" }>,
  bytes: number,
): void {
  const statuses: ReadonlySet<number | undefined> = new Set(Object.values(ROW_STATUS));
  for (let row = 0; row < table.count; row += 1) {
    assert(statuses.has(table.status[row]));
    const spans = [
      [table.eventStart, table.eventEnd],
      [table.valueStart, table.valueEnd],
      [table.headerStart, table.headerEnd],
      [table.keyStart, table.keyEnd],
      [table.idStart, table.idEnd],
      [table.actorStart, table.actorEnd],
      [table.sessionStart, table.sessionEnd],
      [table.schemaStart, table.schemaEnd],
    ] as const;
    for (const [starts, ends] of spans) {
      const start = starts[row] ?? 0;
      const end = ends[row] ?? 0;
      assert(start <= end && end <= table.memory.length, "a span lies in the memory");
    }
    const length = (table.eventEnd[row] ?? 0) - (table.eventStart[row] ?? 0);
    assert(length > 0 && length <= bytes, "an event lies in the frame");
    assert(Number.isFinite(table.timeMs[row]), "every event has a time");
    if (table.status[row] === ROW_STATUS.encoded) {
      assert((table.valueEnd[row] ?? 0) >= (table.valueStart[row] ?? 0) + 5, "a header at least");
    } else {
      const { code, detail } = harness.codec.describe(row);
      assert(code.length > 0 && detail.length > 0);
    }
  }
}
