/**
 * Who takes part, each as a function that turns all events of a workload into Avro once, and the
 * rounds in which they take turns, so that a busy neighbour costs all of them alike.
 */
import assert from "node:assert/strict";

import { Ajv } from "ajv";
import { Bench } from "tinybench";

import type { Codec } from "../../src/codec/codec.ts";
import { jsonSchema } from "./json-schema.ts";
import { FRAME_EVENTS, type Workload } from "./workload.ts";

const ROUNDS = 9;
const WARM_UP_MS = 150;

export const ARMS = ["codec", "host", "parse", "avsc", "bare", "ajv"] as const;
export type Arm = (typeof ARMS)[number];

/**
 * Nanoseconds per event: for each frame's events the fastest of all passes, the one that other
 * processes disturbed least, summed up. Most collecting of garbage falls out of it, in favour of
 * those who leave some. NaN: a contender that cannot take part, as ajv where a JSON Schema cannot
 * say which texts are meant (tags of unions, Avro's own JSON).
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
  const fastest = new Map(arms.map((arm) => [arm, workload.frames.map(() => Infinity)]));
  const passOf = (arm: Arm): (() => void) =>
    timed(runs[arm] ?? (() => undefined), fastest.get(arm) ?? []);
  for (const arm of arms) warmUp(passOf(arm));
  for (let round = 0; round < ROUNDS; round += 1) {
    const bench = new Bench({
      time: timeMs / ROUNDS,
      iterations: 3,
      warmupTime: timeMs / ROUNDS / 4,
      warmupIterations: 1,
      throws: true,
    });
    // Each round begins with another one.
    const turn = arms.map((_, index) => arms[(index + round) % arms.length] ?? "codec");
    for (const arm of turn) bench.add(arm, passOf(arm));
    await bench.run();
  }
  assert(sink > 0);
  const cost = (arm: Arm): number => {
    const frames = fastest.get(arm);
    if (frames === undefined) return Number.NaN;
    return (frames.reduce((sum, ms) => sum + ms, 0) * 1e6) / workload.events.length;
  };
  return {
    codec: cost("codec"),
    host: cost("host"),
    parse: cost("parse"),
    avsc: cost("avsc"),
    bare: cost("bare"),
    ajv: cost("ajv"),
  };
}

/** One pass over all frames, which keeps the fastest time of each. */
function timed(run: Run, fastestMs: number[]): () => void {
  return () => {
    for (let frame = 0; frame < fastestMs.length; frame += 1) {
      const startMs = performance.now();
      run(frame);
      const ms = performance.now() - startMs;
      if (ms < (fastestMs[frame] ?? 0)) fastestMs[frame] = ms;
    }
  };
}

/** Until the engines have compiled what runs often. */
function warmUp(pass: () => void): void {
  const endMs = performance.now() + WARM_UP_MS;
  while (performance.now() < endMs) pass();
}

const EMPTY = new Uint8Array();

/** Turns the events of one frame into Avro. */
type Run = (frame: number) => void;

function contenders(codec: Codec, workload: Workload): Record<Arm, Run | undefined> {
  const { events, frames, context, avscType, read, convert } = workload;
  const validate = new Ajv({ strict: false }).compile(jsonSchema(workload.schema));
  const isTakenByAjv = events.every(({ text }) => validate(JSON.parse(text)));
  const groups = frames.map((_, frame) =>
    events.slice(frame * FRAME_EVENTS, (frame + 1) * FRAME_EVENTS),
  );
  return {
    codec: (frame) => {
      const result = codec.encode(frames[frame] ?? EMPTY, context);
      assert(result.kind === "table", "a frame of sound events is a table");
      sink += readTable(result.table);
    },
    host: hostOnly(codec, workload),
    parse: (frame) => {
      for (const { text } of groups[frame] ?? []) {
        sink += typeof JSON.parse(text) === "object" ? 1 : 0;
      }
    },
    avsc: (frame) => {
      for (const { text } of groups[frame] ?? []) {
        const value = read(text);
        if (avscType.isValid(value)) sink += avscType.toBuffer(value).length;
      }
    },
    bare: (frame) => {
      for (const { text, value } of groups[frame] ?? []) {
        sink += typeof JSON.parse(text) === "object" ? 1 : 0;
        if (avscType.isValid(value)) sink += avscType.toBuffer(value).length;
      }
    },
    ajv: isTakenByAjv
      ? (frame) => {
          for (const { text } of groups[frame] ?? []) {
            const parsed: unknown = JSON.parse(text);
            if (validate(parsed)) sink += avscType.toBuffer(convert(parsed)).length;
          }
        }
      : undefined,
  };
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
function hostOnly(codec: Codec, { frames, context }: Workload): Run {
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
  return (index) => {
    sink += codec.encode(nothing, context).kind === "fault" ? 1 : 0;
    target.set(frames[index] ?? nothing);
    const table = tables[index];
    if (table !== undefined) sink += readTable(table);
  };
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
}
