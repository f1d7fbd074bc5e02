/**
 * A file of events, made ready for all contenders: which events avsc can take, and in what form.
 * Everything here happens outside the timed parts.
 */
import assert from "node:assert/strict";

import avsc from "avsc";

import type { Codec, FrameContext, PlanHandle } from "../../src/codec/codec.ts";
import { type AvroSchema, parseAvroSchema } from "../../src/schema/avro/schema.ts";
import { decodeToJson } from "../../src/schema/decode.ts";
import { compilePlan } from "../../src/schema/plan/compile.ts";

const FRAME_EVENTS = 100;
const REGISTRY_HEADER_BYTES = 5;
const AS_IS_SHARE_MIN = 0.25;
const WITH_BIG_LONGS: ReadonlySet<string> = new Set(["all_types"]);
const NO_POINTERS = { id: [], key: [], time: [], actor: [], session: [] };

export interface WorkloadEvent {
  readonly text: string;
  /**
   * The value avsc is given after JSON.parse when that of JSON.parse is none that it takes: bytes
   * for decimals, milliseconds for times, named branches. Undefined: avsc takes what was parsed.
   */
  readonly converted: unknown;
}

export interface Workload {
  readonly name: string;
  readonly schema: AvroSchema;
  readonly avscType: avsc.Type;
  readonly events: readonly WorkloadEvent[];
  /**
   * False: the events avsc takes as JSON.parse gives them, all contenders doing the same. True: too
   * few are, so avsc is also given values that were converted beforehand, free of charge.
   */
  readonly isConverted: boolean;
  /** Events left out for everybody. */
  readonly leftOut: number;
  /** Bytes of the events' texts. */
  readonly bytes: number;
  readonly frames: readonly Uint8Array[];
  readonly plan: PlanHandle;
  readonly context: FrameContext;
}

export interface WorkloadSource {
  readonly name: string;
  readonly schemaText: string;
  readonly json: "plain" | "avro";
  readonly lines: readonly string[];
  /** Write each event anew in the order of the schema, all fields there, nothing else. */
  readonly isCanonical: boolean;
}

/** Loads the plan under route 0; the codec's table holds until the next encode. */
export function prepare(codec: Codec, source: WorkloadSource): Workload {
  const schema = parseAvroSchema(source.schemaText);
  const avscType = avscTypeOf(source);
  const json = source.isCanonical ? "plain" : source.json;
  const compiled = compilePlan(schema, { json: source.json, pointers: NO_POINTERS });
  let plan = codec.loadPlan(compiled);
  useRoute(codec, { type: source.name, plan });
  const context: FrameContext = {
    shape: "json",
    payload: "whole",
    typeMember: "",
    defaultType: source.name,
    tenant: "bench",
    source: "bench",
    receivedAtMs: 1_800_000_000_000,
    eventsMax: FRAME_EVENTS,
  };
  const all: WorkloadEvent[] = [];
  for (const line of source.lines) {
    const avro = encodeOne(codec, { line, context });
    const text = source.isCanonical ? canonicalText(schema, avro) : line;
    const event = text === undefined ? undefined : prepareEvent(text, { avscType, avro });
    if (event !== undefined) all.push(event);
  }
  const fitting = all.filter(({ converted }) => converted === undefined);
  const isConverted = fitting.length < source.lines.length * AS_IS_SHARE_MIN;
  const events = isConverted ? all : fitting;
  if (json !== source.json) {
    codec.removeRoute(0);
    codec.freePlan(plan);
    plan = codec.loadPlan(compilePlan(schema, { json, pointers: NO_POINTERS }));
    useRoute(codec, { type: source.name, plan });
  }
  return {
    name: source.name,
    schema,
    avscType,
    events,
    isConverted,
    leftOut: source.lines.length - events.length,
    bytes: events.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    frames: framesOf(events),
    plan,
    context,
  };
}

export function release(codec: Codec, workload: Workload): void {
  codec.removeRoute(0);
  codec.freePlan(workload.plan);
}

/**
 * Where longs beyond 2^53 are the point of the file, with BigInts for longs, as avsc's manual has
 * it. Then no event is taken as it is, and defaults, which have to be BigInts too, play no part.
 */
function avscTypeOf({ name, schemaText }: WorkloadSource): avsc.Type {
  if (!WITH_BIG_LONGS.has(name)) return avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema);
  const drop = (key: string, value: unknown): unknown => (key === "default" ? undefined : value);
  const schema = JSON.parse(schemaText, drop) as avsc.Schema;
  const long = avsc.types.LongType["__with"]({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes;
    },
    fromJSON: (value: number) => BigInt(value),
    toJSON: Number,
    isValid: (value: unknown) => typeof value === "bigint",
    compare: (a: bigint, b: bigint) => Number(a > b) - Number(a < b),
  });
  return avsc.Type.forSchema(schema, { registry: { long } });
}

function useRoute(codec: Codec, { type, plan }: { type: string; plan: PlanHandle }): void {
  codec.setRoute(0, { type, plan, schemaId: 1, header: false, keyRequired: false });
}

function encodeOne(
  codec: Codec,
  { line, context }: { readonly line: string; readonly context: FrameContext },
): Buffer {
  const result = codec.encode(new TextEncoder().encode(line), { ...context, shape: "ndjson" });
  assert(result.kind === "table", "a line is an event");
  const { status, valueStart, valueEnd, memory } = result.table;
  assert(status[0] === 0, `the codec takes every line: ${line}`);
  const start = (valueStart[0] ?? 0) + REGISTRY_HEADER_BYTES;
  return Buffer.from(memory.slice(start, valueEnd[0]));
}

function canonicalText(schema: AvroSchema, avro: Buffer): string | undefined {
  const decoded = decodeToJson(schema, avro);
  return decoded.kind === "json" ? decoded.text : undefined;
}

/** Undefined: avsc has no value for this event. */
function prepareEvent(
  text: string,
  { avscType, avro }: { readonly avscType: avsc.Type; readonly avro: Buffer },
): WorkloadEvent | undefined {
  const value: unknown = JSON.parse(text);
  if (avscType.isValid(value) && avscType.toBuffer(value).length === avro.length) {
    return { text, converted: undefined };
  }
  try {
    const converted: unknown = avscType.fromBuffer(avro);
    return avscType.isValid(converted) ? { text, converted } : undefined;
  } catch {
    return undefined;
  }
}

function framesOf(events: readonly WorkloadEvent[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < events.length; at += FRAME_EVENTS) {
    const texts = events.slice(at, at + FRAME_EVENTS).map(({ text }) => text);
    frames.push(new TextEncoder().encode(`[${texts.join(",")}]`));
  }
  return frames;
}
