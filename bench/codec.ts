/**
 * What does it cost to turn events into Avro? On every file of the event corpora, in one run,
 * taking turns: the codec (frames of 100 events, copied in, table read), its host's share of that,
 * JSON.parse alone, JSON.parse + avsc (isValid + toBuffer), and JSON.parse + ajv + avsc (toBuffer).
 * bench/README.md says how to read it.
 *
 *   npm run bench -- codec [--time ms] [--only name,name]     ms: of each contender on each file
 *   npm run bench -- codec --process [--only name,name]       whole processes: CPU time and memory
 *
 * Prints tables, writes bench/results/codec.json (--output elsewhere), and as its last line one
 * JSON object with the ratios against JSON.parse + avsc.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { createCodec } from "../src/codec/create-codec.ts";
import {
  CORPORA,
  type CorpusName,
  EVENT_DATA_NAME,
  loadCorpus,
} from "../src/codec/testing/events.ts";
import { geometricMean, measure, median, type Costs } from "./codec/contenders.ts";
import { machine } from "./codec/machine.ts";
import { measureStartUp, type StartUp } from "./codec/start-up.ts";
import { prepare, release, type Workload } from "./codec/workload.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const OUTPUT = fileURLToPath(new URL("results/codec.json", import.meta.url));
const ARM_SCRIPT = fileURLToPath(new URL("codec/process-arm.ts", import.meta.url));
const PROCESS_PAIRS = 5;
/** So much that starting Node.js, some 300 ms of CPU time for both, weighs little. */
const PROCESS_BYTES = 400_000_000;

const { values } = parseArgs({
  options: {
    time: { type: "string", default: "500" },
    only: { type: "string", default: "" },
    output: { type: "string", default: OUTPUT },
    process: { type: "boolean", default: false },
  },
});
const timeMs = Number(values.time);
const only = values.only === "" ? undefined : values.only.split(",");
const names = CORPORA.filter((name) => only?.includes(name) ?? true);

interface Result {
  readonly name: string;
  readonly events: number;
  readonly isConverted: boolean;
  readonly leftOut: number;
  readonly eventBytes: number;
  readonly costs: Costs;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Files made to exercise the mapping's rules: they have no common order or shape. */
const RULES: readonly CorpusName[] = ["all_types", "annotated", "avro_json", "unions"];
const CONVERTED_NOTE =
  "* what JSON.parse gives has to be converted for avsc, which is timed; bare: without that,\n" +
  "  avsc is given values that are ready.";

const HEAD =
  "file          events  left out  B/ev | codec ns   MB/s host % |  parse ns  MB/s |" +
  "   avsc ns  MB/s   bare ns |    ajv ns | ×avsc ×bare ×parse  ×ajv";

function printResult({ name, events, isConverted, leftOut, eventBytes, costs }: Result): void {
  const speed = (nanoseconds: number) => ((eventBytes / nanoseconds) * 1e3).toFixed(0);
  const cells = [
    `${name}${isConverted ? " *" : ""}`.padEnd(13),
    String(events).padStart(6),
    String(leftOut).padStart(9),
    eventBytes.toFixed(0).padStart(5),
    "|",
    costs.codec.toFixed(0).padStart(8),
    speed(costs.codec).padStart(6),
    ((costs.host / costs.codec) * 100).toFixed(1).padStart(6),
    "|",
    costs.parse.toFixed(0).padStart(9),
    speed(costs.parse).padStart(5),
    "|",
    costs.avsc.toFixed(0).padStart(9),
    speed(costs.avsc).padStart(5),
    costs.bare.toFixed(0).padStart(9),
    "|",
    shown(costs.ajv, 0).padStart(9),
    "|",
    (costs.avsc / costs.codec).toFixed(1).padStart(5),
    (costs.bare / costs.codec).toFixed(1).padStart(5),
    (costs.parse / costs.codec).toFixed(1).padStart(6),
    shown(costs.ajv / costs.codec, 1).padStart(5),
  ];
  print(cells.join(" "));
}

function shown(number: number, digits: number): string {
  return Number.isNaN(number) ? "–" : number.toFixed(digits);
}

function resultOf(workload: Workload, costs: Costs): Result {
  const { name, events, isConverted, leftOut, bytes } = workload;
  const eventBytes = bytes / events.length;
  return { name, events: events.length, isConverted, leftOut, eventBytes, costs };
}

async function measureFiles(isCanonical: boolean): Promise<Result[]> {
  const codec = await createCodec();
  const results: Result[] = [];
  print(isCanonical ? "\nEvents in the order of their schema, all fields, nothing else:" : "");
  print(HEAD);
  for (const name of names.filter((file) => !isCanonical || !RULES.includes(file))) {
    const { schemaText, json, bytes } = loadCorpus(name);
    const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
    const workload = prepare(codec, { name, schemaText, json, lines, isCanonical });
    const result = resultOf(workload, await measure(codec, { workload, timeMs }));
    release(codec, workload);
    printResult(result);
    results.push(result);
  }
  if (results.some(({ isConverted }) => isConverted)) print(CONVERTED_NOTE);
  return results;
}

interface Summary {
  readonly ratio_geomean: number;
  readonly ratio_min: number;
  readonly ratio_min_file: string;
  /** The same with avsc given values that need no conversion. */
  readonly bare_ratio_geomean: number;
  readonly bare_ratio_min: number;
  readonly parse_ratio_geomean: number;
  readonly ajv_ratio_geomean: number;
  readonly codec_mb_s_geomean: number;
  readonly host_share_max: number;
}

function summarize(results: readonly Result[]): Summary {
  const ratios = results.map(({ costs }) => costs.avsc / costs.codec);
  const least = Math.min(...ratios);
  const bare = results.map(({ costs }) => costs.bare / costs.codec);
  const mean = (numbers: readonly number[]) => Number(geometricMean(numbers).toFixed(2));
  return {
    ratio_geomean: mean(ratios),
    ratio_min: Number(least.toFixed(2)),
    ratio_min_file: results[ratios.indexOf(least)]?.name ?? "",
    bare_ratio_geomean: mean(bare),
    bare_ratio_min: Number(Math.min(...bare).toFixed(2)),
    parse_ratio_geomean: mean(results.map(({ costs }) => costs.parse / costs.codec)),
    ajv_ratio_geomean: mean(
      results.map(({ costs }) => costs.ajv / costs.codec).filter((ratio) => !Number.isNaN(ratio)),
    ),
    codec_mb_s_geomean: Math.round(
      geometricMean(results.map(({ costs, eventBytes }) => (eventBytes / costs.codec) * 1e3)),
    ),
    host_share_max: Number(
      Math.max(...results.map(({ costs }) => costs.host / costs.codec)).toFixed(3),
    ),
  };
}

/** Each target with what this run found; the exit code is 1 if one is not met. */
function printTargets(all: Summary, canonical: Summary, startUp: StartUp): void {
  const share = (all.host_share_max * 100).toFixed(1);
  const targets = [
    [all.ratio_min >= 5, `every file at least 5×: ${all.ratio_min} (${all.ratio_min_file})`],
    [all.ratio_geomean >= 7, `geometric mean at least 7×: ${all.ratio_geomean}`],
    [
      canonical.ratio_geomean >= 12,
      `in schema order at least 12× (mean; least ${canonical.ratio_min}, ` +
        `${canonical.ratio_min_file}): ${canonical.ratio_geomean}`,
    ],
    [all.host_share_max <= 0.15, `host share at most 15 %: ${share} %`],
    [startUp.plan_500_ms < 5, `plan of 500 fields under 5 ms: ${startUp.plan_500_ms} ms`],
  ] as const;
  print("");
  for (const [isMet, text] of targets) print(`${isMet ? "met    " : "NOT MET"} ${text}`);
  print(
    `beside  the first plan of a process, while nothing is warm: ${startUp.plan_500_first_ms} ms`,
  );
  print(
    `goal    geometric mean 10×: ${all.ratio_geomean}; without conversion, on all files: ` +
      `${all.bare_ratio_geomean}, in schema order: ${canonical.bare_ratio_geomean}`,
  );
  if (targets.some(([isMet]) => !isMet)) process.exitCode = 1;
}

interface ArmReport {
  readonly bytes: number;
  readonly cpu_ms: number;
  readonly peak_mb: number;
}

/**
 * Whole processes: start, reading and splitting lines are in it; pairs take turns in going first.
 */
async function measureProcesses(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const codec = await createCodec();
  const ratios: number[] = [];
  print("file            MB | codec CPU ms  peak MB | avsc CPU ms  peak MB | CPU ×  memory ×");
  try {
    for (const name of names) {
      const { schemaText, json, bytes } = loadCorpus(name);
      const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
      const workload = prepare(codec, { name, schemaText, json, lines, isCanonical: false });
      release(codec, workload);
      if (json === "avro") continue;
      const texts = workload.events.map(({ text }) => text);
      const ratio = runPairs(name, { folder, schemaText, texts });
      ratios.push(ratio);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const line = { cpu_ratio_geomean: geometricMean(ratios), cpu_ratio_min: Math.min(...ratios) };
  print(JSON.stringify({ mode: "process", ...line, ...machine() }));
}

function runPairs(
  name: string,
  { folder, schemaText, texts }: { folder: string; schemaText: string; texts: readonly string[] },
): number {
  const files = [join(folder, "schema.avsc"), join(folder, "events.ndjson")] as const;
  const text = `${texts.join("\n")}\n`;
  writeFileSync(files[0], schemaText);
  writeFileSync(files[1], text);
  const passes = String(Math.ceil(PROCESS_BYTES / Buffer.byteLength(text)));
  const reports: { codec: ArmReport[]; avsc: ArmReport[] } = { codec: [], avsc: [] };
  for (let pair = 0; pair < PROCESS_PAIRS; pair += 1) {
    const arms = pair % 2 === 0 ? (["codec", "avsc"] as const) : (["avsc", "codec"] as const);
    for (const arm of arms) {
      const words = [ARM_SCRIPT, arm, ...files, passes];
      const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: "utf8" });
      if (status !== 0) throw new Error(`${arm} on ${name} failed: ${stderr}`);
      // Printed by process-arm.ts a moment ago.
      reports[arm].push(JSON.parse(stdout) as ArmReport);
    }
  }
  const cpu = (arm: "codec" | "avsc") => median(reports[arm].map((report) => report.cpu_ms));
  const peak = (arm: "codec" | "avsc") => median(reports[arm].map((report) => report.peak_mb));
  const ratio = median(
    reports.codec.map((report, pair) => (reports.avsc[pair]?.cpu_ms ?? 0) / report.cpu_ms),
  );
  const cells = [
    name.padEnd(13),
    ((Buffer.byteLength(text) * Number(passes)) / 1e6).toFixed(0).padStart(4),
    "|",
    cpu("codec").toFixed(0).padStart(12),
    peak("codec").toFixed(0).padStart(8),
    "|",
    cpu("avsc").toFixed(0).padStart(11),
    peak("avsc").toFixed(0).padStart(8),
    "|",
    ratio.toFixed(1).padStart(5),
    (peak("avsc") / peak("codec")).toFixed(1).padStart(9),
  ];
  print(cells.join(" "));
  return ratio;
}

async function measureAll(): Promise<void> {
  const startUp = await measureStartUp();
  const results = await measureFiles(false);
  const canonicalResults = await measureFiles(true);
  const all = summarize(results);
  const canonical = summarize(canonicalResults);
  print(`\nstart-up: ${JSON.stringify(startUp)}`);
  printTargets(all, canonical, startUp);
  const facts = { events: EVENT_DATA_NAME, time_ms: timeMs, ...machine() };
  mkdirSync(dirname(values.output), { recursive: true });
  const record = { ...facts, summary: all, canonical, startUp, results, canonicalResults };
  writeFileSync(values.output, `${JSON.stringify(record, null, 1)}\n`);
  print(
    JSON.stringify({
      ...all,
      canonical_ratio_geomean: canonical.ratio_geomean,
      canonical_ratio_min: canonical.ratio_min,
      ...startUp,
      ...facts,
    }),
  );
}

await (values.process ? measureProcesses() : measureAll());
