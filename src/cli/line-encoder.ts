/**
 * JSON lines → Avro through the codec, many lines at a time, for `sluice encode`. Each line is the
 * record itself: there is no envelope, no type and no key to look for.
 */
import assert from "node:assert/strict";

import type { Codec } from "../codec/codec.ts";
import { createCodec } from "../codec/create-codec.ts";
import { OUTCOME_RULES, type Fault } from "../errors.ts";
import { ENCODE_BATCH_LINES_MAX, ENCODE_LINE_BYTES_MAX } from "../limits/commands.ts";
import { FAULTS_PER_EVENT_MAX } from "../limits/events.ts";
import { ROW_STATUS, type RecordTable } from "../records.ts";
import type { AvroSchema } from "../schema/avro/schema.ts";
import { compilePlan } from "../schema/plan/compile.ts";
import { isBlank, type Line } from "./lines.ts";

/** What became of one line. */
export type EncodedLine =
  /** Avro binary without the registry header; valid until the next call of `encode`. */
  | { readonly index: number; readonly kind: "avro"; readonly avro: Uint8Array }
  | {
      readonly index: number;
      readonly kind: "fault";
      readonly fault: Fault;
      /** All that is wrong with the line, where that was asked for. */
      readonly faults?: readonly Fault[];
    };

export interface LineEncoderOptions {
  /** Key of the hashes that private values become; empty: schemas that ask for them are refused. */
  readonly privacySalt?: string;
  /** Look for all faults of a line, not for its first alone. */
  readonly allFaults?: boolean;
}

const REGISTRY_HEADER_BYTES = 5;
/** The type every line has; no member of a line is asked for another. */
const TYPE = "line";
const TYPE_MEMBER = "";
const NEWLINE = Buffer.from("\n");

export class LineEncoder {
  readonly #codec: Codec;

  readonly #salted: { readonly privacySalt?: string };
  readonly #allFaults: boolean;

  private constructor(codec: Codec, { privacySalt = "", allFaults = false }: LineEncoderOptions) {
    this.#codec = codec;
    this.#allFaults = allFaults;
    this.#salted = privacySalt === "" ? {} : { privacySalt };
  }

  /** Throws SchemaError when the schema cannot be compiled. */
  static async create(
    schema: AvroSchema,
    json: "plain" | "avro",
    options: LineEncoderOptions = {},
  ): Promise<LineEncoder> {
    const hasPrivacySalt = (options.privacySalt ?? "") !== "";
    const none: readonly string[] = [];
    const pointers = { id: none, key: none, time: none, actor: none, session: none };
    const plan = compilePlan(schema, { json, pointers, hasPrivacySalt });
    const codec = await createCodec({ inputBytesMax: 2 * ENCODE_LINE_BYTES_MAX });
    const handle = codec.loadPlan(plan);
    const route = { type: TYPE, plan: handle, schemaId: 0, header: false, keyRequired: false };
    codec.setRoute(0, route);
    return new LineEncoder(codec, options);
  }

  /** Blank lines are left out; all others come out in their order. */
  *encode(lines: Iterable<Line>): Generator<EncodedLine, void, void> {
    let batch: Line[] = [];
    let bytes = 0;
    for (const line of lines) {
      if (line.bytes === undefined) {
        yield* this.#encodeBatch(batch);
        batch = [];
        bytes = 0;
        yield { index: line.index, kind: "fault", fault: tooLong(line) };
        continue;
      }
      if (isBlank(line.bytes)) continue;
      const isFull =
        batch.length === ENCODE_BATCH_LINES_MAX || bytes + line.length > ENCODE_LINE_BYTES_MAX;
      if (isFull) {
        yield* this.#encodeBatch(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(line);
      bytes += line.length + 1;
    }
    yield* this.#encodeBatch(batch);
  }

  *#encodeBatch(batch: readonly Line[]): Generator<EncodedLine, void, void> {
    if (batch.length === 0) return;
    const frame = Buffer.concat(batch.flatMap((line) => [line.bytes ?? NEWLINE, NEWLINE]));
    const result = this.#codec.encode(frame, {
      shape: "ndjson",
      payload: "whole",
      typeMember: TYPE_MEMBER,
      defaultType: TYPE,
      tenant: "",
      source: "",
      receivedAtMs: Date.now(),
      eventBytesMax: ENCODE_LINE_BYTES_MAX,
      eventsMax: ENCODE_BATCH_LINES_MAX,
      ...this.#salted,
    });
    assert(result.kind === "table", "a frame of lines is a table of events");
    assert.equal(result.table.count, batch.length, "each line that is not blank is one event");
    for (const [row, line] of batch.entries()) {
      yield this.#row(result.table, { row, index: line.index });
    }
  }

  #row(table: RecordTable, at: { readonly row: number; readonly index: number }): EncodedLine {
    const { row, index } = at;
    if (table.status[row] !== ROW_STATUS.encoded) {
      const fault = this.#codec.describe(row);
      if (!this.#allFaults) return { index, kind: "fault", fault };
      const faults = this.#codec.describeAll(row, FAULTS_PER_EVENT_MAX);
      return { index, kind: "fault", fault, faults };
    }
    const start = (table.valueStart[row] ?? 0) + REGISTRY_HEADER_BYTES;
    return { index, kind: "avro", avro: table.memory.subarray(start, table.valueEnd[row]) };
  }
}

function tooLong(line: Line): Fault {
  return {
    code: "too_large",
    kind: "too_large",
    path: "",
    detail: `${OUTCOME_RULES.too_large.text}: ${line.length} bytes of ${ENCODE_LINE_BYTES_MAX}`,
  };
}
