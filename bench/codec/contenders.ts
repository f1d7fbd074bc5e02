/**
 * Who takes part, each as a function that turns all events of a workload into Avro once, and the
 * rounds in which they take turns, so that a busy neighbour costs all of them alike.
 */
import assert from "node:assert/strict";

import { Ajv } from "ajv";
import { Bench } from "tinybench";

import type { Codec } from "../../src/codec/codec.ts";
import { jsonSchema } from "./json-schema.ts";
import type { Workload } from "./workload.ts";

const ROUNDS = 9;
const WARM_UP_MS = 250;

export const ARMS = ["codec", "host", "parse", "avsc", "bare", "ajv"] as const;
export type Arm = (typeof ARMS)[number];

/**
 * Nanoseconds per event, of the fastest of all passes over the events: the one that other processes
 * disturbed least; collecting garbage is part of it. NaN: a contender that cannot take part,
 * as ajv where a JSON Schema cannot say which texts are meant (tags of unions, Avro's own JSON).
 */
export type Costs = Readonly<Record<Arm, number>>;

/** What runs are summed up into, so that nothing is optimized away. */
let sink = 0;

export async function measure(
  codec: Codec,
  { workload, timeMs }: { readonly workload: Workload; readonly timeMs: number },
): Promise<Costs> {
  const runs = contenders(codec, workload);
  const arms = ARMS.filter((arm) => runs[arm] !== undefined);
  const rounds: Record<Arm, number[]> = {
    codec: [],
    host: [],
    parse: [],
    avsc: [],
    bare: [],
    ajv: [],
  };
  for (const arm of arms) warmUp(runs[arm]);
  for (let round = 0; round < ROUNDS; round += 1) {
    const bench = new Bench({
      time: timeMs / ROUNDS,
      iterations: 3,
      warmupTime: timeMs / ROUNDS / 4,
      warmupIterations: 1,
    });
    // Each round begins with another one.
    const turn = arms.map((_, index) => arms[(index + round) % arms.length] ?? "codec");
    for (const arm of turn) bench.add(arm, runs[arm] ?? (() => undefined));
    // tinybench shows failures in the results only.
    await bench.run();
    for (const arm of arms) {
      const result = bench.getTask(arm)?.result;
      assert(result !== undefined && "latency" in result, `${arm} was measured`);
      rounds[arm].push((result.latency.min * 1e6) / workload.events.length);
    }
  }
  assert(sink > 0);
  return {
    codec: Math.min(...rounds.codec),
    host: Math.min(...rounds.host),
    parse: Math.min(...rounds.parse),
    avsc: Math.min(...rounds.avsc),
    bare: Math.min(...rounds.bare),
    ajv: runs.ajv === undefined ? Number.NaN : Math.min(...rounds.ajv),
  };
}

/** Until the engines have compiled what runs often. */
function warmUp(run: (() => void) | undefined): void {
  const endMs = performance.now() + WARM_UP_MS;
  while (performance.now() < endMs) run?.();
}

function contenders(codec: Codec, workload: Workload): Record<Arm, (() => void) | undefined> {
  const { events, avscType, read, convert } = workload;
  const validate = new Ajv({ strict: false }).compile(jsonSchema(workload.schema));
  const isTakenByAjv = events.every(({ text }) => validate(JSON.parse(text)));
  return {
    codec: () => {
      sink += encodeAll(codec, workload);
    },
    host: hostOnly(codec, workload),
    parse: () => {
      for (const { text } of events) sink += typeof JSON.parse(text) === "object" ? 1 : 0;
    },
    avsc: () => {
      for (const { text } of events) {
        const value = read(text);
        if (avscType.isValid(value)) sink += avscType.toBuffer(value).length;
      }
    },
    bare: () => {
      for (const { text, value } of events) {
        sink += typeof JSON.parse(text) === "object" ? 1 : 0;
        if (avscType.isValid(value)) sink += avscType.toBuffer(value).length;
      }
    },
    ajv: isTakenByAjv
      ? () => {
          for (const { text } of events) {
            const parsed: unknown = JSON.parse(text);
            if (validate(parsed)) sink += avscType.toBuffer(convert(parsed)).length;
          }
        }
      : undefined,
  };
}

/** All frames, each copied in, encoded, and its table read; bytes of Avro. */
export function encodeAll(codec: Codec, { frames, context }: Workload): number {
  let total = 0;
  for (const frame of frames) {
    const result = codec.encode(frame, context);
    assert(result.kind === "table", "a frame of sound events is a table");
    total += readTable(result.table);
  }
  return total;
}

interface Columns {
  readonly count: number;
  readonly status: Uint8Array;
  readonly valueStart: Uint32Array;
  readonly valueEnd: Uint32Array;
}

function readTable({ count, status, valueStart, valueEnd }: Columns): number {
  let total = 0;
  for (let row = 0; row < count; row += 1) {
    assert(status[row] === 0, "every event is encoded");
    total += (valueEnd[row] ?? 0) - (valueStart[row] ?? 0);
  }
  return total;
}

/**
 * The same without the encoding: a call whose frame holds no event, the frame's bytes copied to
 * where nobody looks, and a table of the same length read.
 */
function hostOnly(codec: Codec, { frames, context }: Workload): () => void {
  const nothing = new TextEncoder().encode(" ");
  const target = new Uint8Array(frames.reduce((max, { length }) => Math.max(max, length), 0));
  const tables = frames.map((frame): Columns => {
    const result = codec.encode(frame, context);
    assert(result.kind === "table", "a frame of sound events is a table");
    const { count, status, valueStart, valueEnd } = result.table;
    return {
      count,
      status: status.slice(0, count),
      valueStart: valueStart.slice(0, count),
      valueEnd: valueEnd.slice(0, count),
    };
  });
  return () => {
    for (const [index, frame] of frames.entries()) {
      sink += codec.encode(nothing, context).kind === "fault" ? 1 : 0;
      target.set(frame);
      const table = tables[index];
      if (table !== undefined) sink += readTable(table);
    }
  };
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
}
