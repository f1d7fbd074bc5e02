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
import { type Convert, makeConvert } from "./convert.ts";

export const FRAME_EVENTS = 100;
const REGISTRY_HEADER_BYTES = 5;
/** Made to exercise the rules: longs beyond 2^53 and tagged branches are the point of them. */
const THOROUGH: ReadonlySet<string> = new Set(["all_types", "annotated", "unions"]);
const NO_POINTERS = { id: [], key: [], time: [], actor: [], session: [] };

export interface WorkloadEvent {
  readonly text: string;
  /** The value that avsc is given in the end, for those who want to leave out what leads to it. */
  readonly value: unknown;
}

export interface Workload {
  readonly name: string;
  readonly schema: AvroSchema;
  readonly avscType: avsc.Type;
  /**
   * From text to the value that avsc is given: JSON.parse, and what else the schema makes
   * necessary; for Avro's own JSON encoding avsc's own reader.
   */
  readonly read: (text: string) => unknown;
  /** What lies between JSON.parse and avsc; it changes nothing if `isConverted` is false. */
  readonly convert: Convert;
  /** What JSON.parse gives has to be converted. */
  readonly isConverted: boolean;
  readonly events: readonly WorkloadEvent[];
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
  const convert = makeConvert(schema, { isThorough: THOROUGH.has(source.name) });
  const read = json === "avro" ? (text: string) => readAvroJson(avscType, text) : reader(convert);
  const events: WorkloadEvent[] = [];
  for (const line of source.lines) {
    const avro = encodeOne(codec, { line, context });
    const text = source.isCanonical ? canonicalText(schema, avro) : line;
    if (text !== undefined && isSame({ avscType, read }, text, avro)) {
      events.push({ text, value: read(text) });
    }
  }
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
    read,
    convert: convert ?? ((value) => value),
    isConverted: json === "avro" || convert !== undefined,
    events,
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
 * With BigInts for longs where the file needs them, as avsc's manual has it. Defaults with longs in
 * them play no part then: events that need one are left out.
 */
function avscTypeOf({ name, schemaText }: WorkloadSource): avsc.Type {
  if (!THOROUGH.has(name)) return avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema);
  const drop = (_: string, value: unknown): unknown => {
    if (typeof value !== "object" || value === null || !("default" in value)) return value;
    if (value.default === null) return value;
    return JSON.stringify(value).includes('"long"') ? { ...value, default: undefined } : value;
  };
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
    isValid: (value: unknown) => typeof value === "bigint" && BigInt.asIntN(64, value) === value,
    compare: (a: bigint, b: bigint) => Number(a > b) - Number(a < b),
  });
  return avsc.Type.forSchema(schema, { registry: { long } });
}

function reader(convert: Convert | undefined): (text: string) => unknown {
  const parse = (text: string): unknown => JSON.parse(text);
  return convert === undefined ? parse : (text) => convert(JSON.parse(text));
}

/** Undefined, which no schema takes, for what is not Avro's JSON encoding of the type. */
function readAvroJson(avscType: avsc.Type, text: string): unknown {
  try {
    return avscType.fromString(text);
  } catch {
    return undefined;
  }
}

/** Does avsc make the codec's bytes of the event? */
function isSame(
  { avscType, read }: Pick<Workload, "avscType" | "read">,
  text: string,
  avro: Buffer,
): boolean {
  const value = read(text);
  return avscType.isValid(value) && avscType.toBuffer(value).equals(avro);
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

function framesOf(events: readonly WorkloadEvent[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < events.length; at += FRAME_EVENTS) {
    const texts = events.slice(at, at + FRAME_EVENTS).map(({ text }) => text);
    frames.push(new TextEncoder().encode(`[${texts.join(",")}]`));
  }
  return frames;
}
