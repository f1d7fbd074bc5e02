/**
 * What does it cost to turn events into Avro? On every file of the event corpora, in one run: the
 * codec (frames of 100 events, copied in, table read), JSON.parse alone, and JSON.parse + avsc
 * (isValid + toBuffer). Only events that avsc takes as they are count, for all contenders, because
 * avsc knows neither times as text nor unions without tags.
 *
 *   node bench/codec.ts [--time ms] [--only name,name]
 *
 * Prints a table, and as its last line one JSON object.
 */
import assert from "node:assert/strict";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";

import avsc from "avsc";
import { Bench } from "tinybench";

import type { Codec, FrameContext } from "../src/codec/codec.ts";
import { createCodec } from "../src/codec/create-codec.ts";
import { CORPORA, type CorpusName, loadCorpus } from "../src/codec/testing/events.ts";
import { parseAvroSchema } from "../src/schema/avro/schema.ts";
import { compilePlan } from "../src/schema/plan/compile.ts";

const FRAME_EVENTS = 100;
/** Files of which avsc takes fewer events as they are say nothing. */
const EVENTS_MIN = 50;
const NO_POINTERS = { id: [], key: [], time: [], actor: [], session: [] };
/** Files of realistic events; the others exercise rules that avsc does not have. */
const REALISTIC = CORPORA.filter(
  (name) => !["all_types", "annotated", "avro_json", "unions"].includes(name),
);

interface Result {
  readonly name: string;
  readonly events: number;
  readonly bytes: number;
  /** Nanoseconds per event. */
  readonly codec: number;
  readonly parse: number;
  readonly avsc: number;
}

const { values } = parseArgs({
  options: { time: { type: "string", default: "400" }, only: { type: "string", default: "" } },
});
const timeMs = Number(values.time);

async function measure(name: CorpusName, codec: Codec): Promise<Result | undefined> {
  const { schemaText, bytes, json } = loadCorpus(name);
  const type = avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema);
  const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
  const fitting = lines.filter((line) => type.isValid(JSON.parse(line)));
  if (fitting.length < EVENTS_MIN) return undefined;
  const plan = codec.loadPlan(
    compilePlan(parseAvroSchema(schemaText), { json, pointers: NO_POINTERS }),
  );
  codec.setRoute(0, { type: name, plan, schemaId: 1, header: false, keyRequired: false });
  const frames: Uint8Array[] = [];
  for (let at = 0; at < fitting.length; at += FRAME_EVENTS) {
    const text = `[${fitting.slice(at, at + FRAME_EVENTS).join(",")}]`;
    frames.push(new TextEncoder().encode(text));
  }
  const context: FrameContext = {
    shape: "json",
    payload: "whole",
    typeMember: "",
    defaultType: name,
    tenant: "bench",
    source: "bench",
    receivedAtMs: Date.now(),
    eventsMax: FRAME_EVENTS,
  };
  const runCodec = (): number => {
    let total = 0;
    for (const frame of frames) {
      const result = codec.encode(frame, context);
      assert(result.kind === "table");
      const { count, valueStart, valueEnd, status } = result.table;
      for (let row = 0; row < count; row += 1) {
        assert(status[row] === 0);
        total += (valueEnd[row] ?? 0) - (valueStart[row] ?? 0);
      }
    }
    return total;
  };
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 2 });
  let sink = 0;
  bench
    .add("codec", () => {
      sink += runCodec();
    })
    .add("parse", () => {
      for (const line of fitting) sink += typeof JSON.parse(line) === "object" ? 1 : 0;
    })
    .add("avsc", () => {
      for (const line of fitting) {
        const value: unknown = JSON.parse(line);
        if (type.isValid(value)) sink += type.toBuffer(value).length;
      }
    });
  await bench.run();
  assert(sink > 0);
  const perEvent = (task: string): number => {
    const result = bench.getTask(task)?.result;
    assert(result !== undefined && "latency" in result, `${task} was measured`);
    return (result.latency.p50 * 1e6) / fitting.length;
  };
  codec.removeRoute(0);
  codec.freePlan(plan);
  return {
    name,
    events: fitting.length,
    bytes: fitting.reduce((sum, line) => sum + Buffer.byteLength(line), 0),
    codec: perEvent("codec"),
    parse: perEvent("parse"),
    avsc: perEvent("avsc"),
  };
}

function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
}

function megabytes(result: Result, nanoseconds: number): number {
  return (result.bytes / result.events / nanoseconds) * 1e3;
}

const only = values.only === "" ? REALISTIC : values.only.split(",");
const codec = await createCodec();
const results: Result[] = [];
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
print(
  "file          events bytes/ev | codec MB/s   ns/ev | parse MB/s | " +
    "avsc MB/s   ns/ev | ×avsc ×parse",
);
for (const name of CORPORA.filter((corpus) => only.includes(corpus))) {
  const result = await measure(name, codec);
  if (result === undefined) continue;
  results.push(result);
  const cells = [
    result.name.padEnd(13),
    String(result.events).padStart(6),
    (result.bytes / result.events).toFixed(0).padStart(8),
    "|",
    megabytes(result, result.codec).toFixed(0).padStart(10),
    result.codec.toFixed(0).padStart(7),
    "|",
    megabytes(result, result.parse).toFixed(0).padStart(10),
    "|",
    megabytes(result, result.avsc).toFixed(0).padStart(9),
    result.avsc.toFixed(0).padStart(7),
    "|",
    (result.avsc / result.codec).toFixed(1).padStart(5),
    (result.parse / result.codec).toFixed(1).padStart(6),
  ];
  print(cells.join(" "));
}
const ratios = results.map((result) => result.avsc / result.codec);
print(
  JSON.stringify({
    ratio_geomean: Number(geometricMean(ratios).toFixed(2)),
    ratio_min: Number(Math.min(...ratios).toFixed(2)),
    parse_ratio_geomean: Number(
      geometricMean(results.map((result) => result.parse / result.codec)).toFixed(2),
    ),
    codec_mb_s_geomean: Math.round(
      geometricMean(results.map((result) => megabytes(result, result.codec))),
    ),
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
  }),
);
