/**
 * The page about the whole path: bench/results/path.json as charts and tables in one HTML file that
 * needs nothing else. Written by each run of `npm run bench -- path`.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Machine } from "../codec/machine.ts";
import { THREAD_GROUPS } from "../path/cpu.ts";
import { timesWords } from "../path/print.ts";
import { readResults, type PathResults } from "../path/results.ts";
import { LOADS } from "../path/arms.ts";
import { barChart, escape, lineChart, type Bar, type Line } from "./charts.ts";

const PAGE = fileURLToPath(new URL("../results/path.html", import.meta.url));

const STAGE_WORDS = {
  main: "event loop",
  kafka: "librdkafka",
  pool: "waiting for flushes",
  other: "collecting garbage, compiling",
} as const;

const ARM_WORDS = {
  sluice: "sluice",
  bare: "no header",
  baseline: "baseline",
  against: "other checkout",
} as const;

export function writeReport(): void {
  writeFileSync(PAGE, page(readResults()));
  console.error(`the page is ${PAGE}`);
}

function page(results: PathResults): string {
  const parts = [costs(results), latencies(results), idle(results), tax(results)];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>sluice: the whole path</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>${STYLE}</style></head><body><main>
<h1>The whole path, measured</h1>
<p>From a client's socket to Kafka's confirmation and back. The baseline is what a good Node.js
developer would write: Fastify, ws, avsc, the same Kafka client, answers after Kafka's. Servers have
one core for themselves; a comparison lies inside one part, parts may come from different runs.</p>
${parts.join("\n")}
</main></body></html>
`;
}

function costs({ costs: kept }: PathResults): string {
  if (kept === undefined) return "";
  const bars: Bar[] = Object.keys(LOADS).flatMap((load) =>
    kept.rows
      .filter((row) => row.load === load)
      .map(({ arm, median, times }) => ({
        label: `${load} · ${ARM_WORDS[arm]}`,
        group: load,
        note:
          `${median.cpuSecondsPerMillion}` +
          (times === undefined ? "" : ` (${Math.round(times.median * 100) / 100} ×)`),
        parts: THREAD_GROUPS.map((group) => ({
          name: STAGE_WORDS[group],
          value: median.stages[group],
        })),
      })),
  );
  const legend = THREAD_GROUPS.map(
    (group, place) => `<span class="key part-${place}">${STAGE_WORDS[group]}</span>`,
  ).join("");
  const rows = kept.rows.map((row) => [
    row.load,
    row.arm,
    row.median.eventsPerSecond,
    row.median.cpuSecondsPerMillion,
    timesWords(row),
    row.median.kernel,
    row.median.ackMs.p50,
    row.median.ackMs.p99,
    row.costs.join(" "),
  ]);
  const head = [
    "load",
    "server",
    "events/s",
    "CPU-s",
    "× baseline",
    "of it kernel",
    "p50 ms",
    "p99 ms",
    "runs",
  ];
  return `<section><h2>What a million events cost</h2>
<p>CPU seconds per million acked events, closed loop, by threads. WS 10: frames of ten events.
“No header”: sluice without its Kafka header on records, which the baseline does not write either.
In brackets: how many times as many events a CPU second carries as with the baseline, the median of
pairs of turns; the table has the interval that holds the true one in 95 of 100 runs.</p>
<p class="legend">${legend}</p>${barChart(bars, "CPU-s per million events")}${table(head, rows)}
${origin(kept.machine)}</section>`;
}

function latencies({ latency: kept }: PathResults): string {
  if (kept === undefined) return "";
  const lines: Line[] = (["sluice", "baseline"] as const).flatMap((arm, style) =>
    (["p50", "p99", "p999"] as const).map((name) => ({
      name: `${arm} ${name === "p999" ? "p99.9" : name}`,
      style: 3 * style + ["p50", "p99", "p999"].indexOf(name),
      isDashed: arm === "baseline",
      points: kept.rows
        .filter((row) => row.arm === arm)
        .map(({ share, measured }) => ({ x: share, y: measured.ackMs[name] })),
    })),
  );
  const rows = kept.rows.map(({ arm, share, rate, measured }) => [
    arm,
    `${Math.round(share * 100)} %`,
    rate,
    measured.ackMs.p50,
    measured.ackMs.p99,
    measured.ackMs.p999,
    measured.cpuSecondsPerMillion,
  ]);
  const head = ["server", "load", "events/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU-s per million"];
  const axes = { x: "load, of what the closed loop reached", y: "ms from due to acked" };
  const frame = kept.rows[0]?.eventsPerFrame ?? 0;
  return `<section><h2>How long an ack takes</h2>
<p>Open loop, frames of ${frame} events over 64 streams; time counts from when a frame was due.
100 % is each server's own: its rate stands in the table.</p>
${lineChart(lines, axes)}${table(head, rows)}${origin(kept.machine)}</section>`;
}

function idle({ idle: kept }: PathResults): string {
  if (kept === undefined) return "";
  const rows = kept.rows.map((row) => [
    row.arm,
    row.connections,
    row.bytesPerConnection,
    row.residentMegabytes,
  ]);
  const head = ["server", "connections", "bytes each", "process, MB"];
  return `<section><h2>What an idle connection holds</h2>
<p>Anonymous memory of the process; the kernel's is not in it.</p>
${table(head, rows)}${origin(kept.machine)}</section>`;
}

function tax({ tax: kept }: PathResults): string {
  if (kept === undefined) return "";
  const rows = kept.rows.map((row) => [
    row.inFlightEvents,
    row.truthful.eventsPerSecond,
    row.early.eventsPerSecond,
    row.truthful.cpuSecondsPerMillion,
    row.early.cpuSecondsPerMillion,
    `${row.throughputMedian} %`,
    `${row.cpuMedian} %`,
    row.throughputPercent.map((each) => `${each} %`).join(", "),
  ]);
  const head = [
    "in flight",
    "truthful events/s",
    "early events/s",
    "truthful CPU-s",
    "early CPU-s",
    "throughput tax",
    "CPU tax",
    "pairs",
  ];
  return `<section><h2>What truthful answers cost</h2>
<p>The gateway against itself answering before Kafka has anything, with at most as many events in
flight. Medians of pairs that took turns in going first.</p>
${table(head, rows)}${origin(kept.machine)}</section>`;
}

function table(
  head: readonly string[],
  rows: ReadonlyArray<ReadonlyArray<string | number>>,
): string {
  const cells = (tag: string, row: ReadonlyArray<string | number>): string =>
    row
      .map((cell) => `<${tag}>${typeof cell === "number" ? grouped(cell) : escape(cell)}</${tag}>`)
      .join("");
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("");
  return `<div class="wide"><table><tr>${cells("th", head)}</tr>${body}</table></div>`;
}

/** 119749 as 119 749. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/, "\u202f");
}

function origin({ cpu, cores, node, commit, measuredAt, load }: Machine): string {
  const where = `${cpu}, ${cores} cores, Node.js ${node}, commit ${commit}`;
  return `<p class="origin">${escape(`${where}, ${measuredAt}, load ${load}`)}</p>`;
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5d6b7c;--line:#d9e0e8;--paper:#fbfcfd;
--a:#0b6e99;--b:#e08e2b;--c:#8a4fbd;--d:#9aa7b5}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa8b8;--line:#34404e;
--paper:#151a21;--a:#4cb3dd;--b:#f0ab56;--c:#b98ae0;--d:#6b7888}}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:900px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:26px;margin:0 0 8px}h2{font-size:19px;margin:40px 0 4px}
svg{width:100%;height:auto;margin:8px 0}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
.part-0{fill:var(--a)}.part-1{fill:var(--b)}
.part-2{fill:var(--c)}.part-3{fill:var(--d)}
.key{margin-right:18px}.key::before{content:"";display:inline-block;width:11px;height:11px;
margin-right:6px;border-radius:2px;vertical-align:-1px;background:var(--a)}
.key.part-1::before{background:var(--b)}.key.part-2::before{background:var(--c)}
.key.part-3::before{background:var(--d)}
.grid{stroke:var(--line);fill:none}.line{fill:none;stroke-width:2}
.line-0,.line-3{stroke:var(--a)}.line-1,.line-4{stroke:var(--b)}.line-2,.line-5{stroke:var(--c)}
.dot-0,.dot-3{fill:var(--a)}.dot-1,.dot-4{fill:var(--b)}.dot-2,.dot-5{fill:var(--c)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13px}
th,td{text-align:right;padding:4px 8px;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:500}th:first-child,td:first-child{text-align:left}
.origin,.legend{color:var(--soft);font-size:12.5px}`;
