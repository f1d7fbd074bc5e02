/**
 * The codec as a library, `sluice/codec`: compile a schema, encode NDJSON, get Avro or a fault for
 * each line. It needs WebAssembly and nothing else, so it runs in Node.js and in browsers; who
 * imports it gets it with the module's bytes from library-node.ts or library-browser.ts. It knows
 * nothing of envelopes, registries or the gateway.
 */
import { OUTCOME_RULES, type Fault } from "../errors.ts";
import { assert } from "../lib/assert.ts";
import { ENCODE_BATCH_LINES_MAX, ENCODE_LINE_BYTES_MAX } from "../limits/commands.ts";
import { FAULTS_PER_EVENT_MAX } from "../limits/events.ts";
import { ROW_STATUS, type RecordTable } from "../records.ts";
import { parseAvroSchema } from "../schema/avro/schema.ts";
import { compilePlan } from "../schema/plan/compile.ts";
import { Codec } from "./codec.ts";
import { hmacSha256 } from "./sha256.ts";

export type { Fault, FaultKind, OutcomeCode } from "../errors.ts";
export { SchemaError } from "../schema/avro/schema.ts";

export interface EncoderOptions {
  /** An Avro schema, the text of an .avsc file. */
  readonly schema: string;
  /** Texts of schemas whose named types `schema` uses. */
  readonly references?: readonly string[];
  /** plain (default): JSON as mapping v1 takes it; avro: Avro's own JSON encoding. */
  readonly json?: "plain" | "avro";
  /**
   * Key of the keyed hashes that values with `"sluice.privacy": "hmac"` become; without it a schema
   * that asks for them is refused.
   */
  readonly privacySalt?: string;
  /** Look for all faults of a line, not for its first alone; each costs as much as the line. */
  readonly allFaults?: boolean;
}

/** What became of one line. Lines are counted from 0, blank ones too. */
export type EncodedLine =
  /** Avro binary, no header; a copy, which is yours. */
  | { readonly kind: "avro"; readonly line: number; readonly avro: Uint8Array }
  | {
      readonly kind: "fault";
      readonly line: number;
      readonly fault: Fault;
      /** With `allFaults`: what is wrong with the line, at most 32 faults, `fault` the first. */
      readonly faults?: readonly Fault[];
    };

const REGISTRY_HEADER_BYTES = 5;
/** The type every line has. */
const TYPE = "line";
/** None, so that no line is searched for it. */
const TYPE_MEMBER = "";
const NEWLINE = 0x0a;

/** A schema, ready for any number of buffers. */
export interface Encoder {
  /**
   * Encodes NDJSON: UTF-8, a record on each line. Blank lines are left out; every other one comes
   * out in its order, encoded or with its fault. A line of more than 1 MiB is a fault. The buffer
   * is read as the result is walked, so leave it alone until then.
   */
  encode(ndjson: Uint8Array): Generator<EncodedLine, void, void>;
}

class CodecEncoder implements Encoder {
  readonly #codec: Codec;
  readonly #options: EncoderOptions;

  constructor(codec: Codec, options: EncoderOptions) {
    this.#codec = codec;
    this.#options = options;
  }

  *encode(ndjson: Uint8Array): Generator<EncodedLine, void, void> {
    let numbers: number[] = [];
    let batchStart = 0;
    let start = 0;
    for (let line = 0; start < ndjson.length; line += 1) {
      const newline = ndjson.indexOf(NEWLINE, start);
      const end = newline < 0 ? ndjson.length : newline;
      const isTooLong = end - start > ENCODE_LINE_BYTES_MAX;
      const isFull =
        numbers.length === ENCODE_BATCH_LINES_MAX || end - batchStart > ENCODE_LINE_BYTES_MAX;
      if (isTooLong || isFull) {
        yield* this.#encodeBatch(ndjson.subarray(batchStart, start), numbers);
        numbers = [];
        batchStart = start;
      }
      if (isTooLong) {
        yield { kind: "fault", line, fault: tooLong(end - start) };
        batchStart = end + 1;
      } else if (!isBlank(ndjson, { start, end })) numbers.push(line);
      start = end + 1;
    }
    yield* this.#encodeBatch(ndjson.subarray(batchStart), numbers);
  }

  /** `numbers`: of the lines that are not blank. */
  *#encodeBatch(lines: Uint8Array, numbers: readonly number[]): Generator<EncodedLine, void, void> {
    if (numbers.length === 0) return;
    const { privacySalt } = this.#options;
    const result = this.#codec.encode(lines, {
      shape: "ndjson",
      payload: "whole",
      typeMember: TYPE_MEMBER,
      defaultType: TYPE,
      tenant: "",
      source: "",
      receivedAtMs: Date.now(),
      eventBytesMax: ENCODE_LINE_BYTES_MAX,
      eventsMax: ENCODE_BATCH_LINES_MAX,
      ...(privacySalt === undefined ? {} : { privacySalt }),
    });
    assert(result.kind === "table", "lines are a table of events");
    assert(result.table.count === numbers.length, "each line that is not blank is one event");
    // All rows are taken out first: another walk may encode between two steps of this one.
    const rows = numbers.map((line, row) => this.#row(result.table, { row, line }));
    yield* rows;
  }

  #row(table: RecordTable, { row, line }: { row: number; line: number }): EncodedLine {
    if (table.status[row] !== ROW_STATUS.encoded) {
      const fault = this.#codec.describe(row);
      if (this.#options.allFaults !== true) return { kind: "fault", line, fault };
      const faults = this.#codec.describeAll(row, FAULTS_PER_EVENT_MAX);
      return { kind: "fault", line, fault, faults };
    }
    const start = (table.valueStart[row] ?? 0) + REGISTRY_HEADER_BYTES;
    return { kind: "avro", line, avro: table.memory.slice(start, table.valueEnd[row]) };
  }
}

/** What the entries add to the caller's options. */
export interface Surroundings {
  /** The bytes of codec.wasm. */
  readonly module: Uint8Array<ArrayBuffer>;
}

/** Throws SchemaError when the schema is none, or none that can be compiled. */
export async function createEncoder(options: EncoderOptions & Surroundings): Promise<Encoder> {
  const { privacySalt } = options;
  if (privacySalt === "") throw new TypeError("privacySalt is a text that is not empty");
  const hasPrivacySalt = privacySalt !== undefined;
  const schema = parseAvroSchema(options.schema, options.references);
  const none: readonly string[] = [];
  const pointers = { id: none, key: none, time: none, actor: none, session: none };
  const compiled = compilePlan(schema, { json: options.json ?? "plain", pointers, hasPrivacySalt });
  const module = await WebAssembly.compile(options.module);
  const codec = new Codec(module, {
    inputBytesMax: 2 * ENCODE_LINE_BYTES_MAX,
    keyedHash: hmacSha256,
  });
  const plan = codec.loadPlan(compiled);
  codec.setRoute(0, { type: TYPE, plan, schemaId: 0, header: false, keyRequired: false });
  return new CodecEncoder(codec, options);
}

/** Whether there is nothing but white space of JSON; such lines are no events. */
function isBlank(bytes: Uint8Array, { start, end }: { start: number; end: number }): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}

function tooLong(bytes: number): Fault {
  return {
    code: "too_large",
    kind: "too_large",
    path: "",
    detail: `${OUTCOME_RULES.too_large.text}: ${bytes} bytes of ${ENCODE_LINE_BYTES_MAX}`,
  };
}
