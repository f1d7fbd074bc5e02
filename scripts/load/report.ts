/**
 * The report of a load test: one HTML file that needs nothing besides itself. It draws what was
 * measured; what is good and what is not was judged before.
 */
import type { LoadScenario } from "../../loadtest/catalog.ts";
import { LEDGER_STATES } from "../../loadtest/lib/ledger.ts";
import { escape, renderChart } from "./chart.ts";
import { drawLoad } from "./load-charts.ts";
import type { DrawnParts } from "./load-charts.ts";
import { SCRIPT, STYLE } from "./report-page.ts";
import {
  count,
  generatorNote,
  keyFigures,
  milliseconds,
  objectivesOf,
  undecidedOf,
} from "./result.ts";
import type { LoadSummary } from "./result.ts";

export interface ReportParts extends DrawnParts {
  readonly summary: LoadSummary;
  readonly complaints: readonly string[];
  /** What else was measured, as words and value. */
  readonly further: ReadonlyArray<readonly [string, string]>;
}

export function renderReport(parts: ReportParts): string {
  const { summary, complaints, scenario } = parts;
  const missed = objectivesOf(summary).filter(({ ok }) => !ok).length;
  const isGood = missed === 0 && complaints.length === 0;
  const problems = complaints.map((complaint) => `<li>${escape(complaint)}</li>`).join("");
  const note = generatorNote(summary);
  const words = isGood ? "passed" : failureText(missed, complaints.length);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>sluice load test: ${escape(summary.scenario)}</title><style>${STYLE}</style></head>
<body><main>
<h1>${escape(summary.scenario)}</h1>
<p class="question">${escape(scenario.question)}</p>
<span class="verdict ${isGood ? "good" : "bad"}">${isGood ? "✓" : "✗"} ${words}</span>
<p class="facts">${escape(loadText(scenario))} against ${escape(summary.url)},
${Math.round(summary.durationMs / 1_000)} s, ${new Date().toISOString().slice(0, 16)} UTC</p>
${note === null ? "" : `<p class="note">${escape(note)}</p>`}
${problems === "" ? "" : `<ul class="complaints">${problems}</ul>`}
<h2>What came of it</h2>${tiles(summary)}
<h2>Over time</h2><div class="charts">${drawLoad(parts).map(renderChart).join("\n")}</div>
<h2>Objectives</h2>${objectivesTable(summary)}
<h2>The ledger and its clients</h2>${ledgerTable(summary)}
${furtherTable(parts.further)}
</main><script>${SCRIPT}</script></body></html>
`;
}

function failureText(missed: number, complaints: number): string {
  const parts: string[] = [];
  if (missed > 0) parts.push(`${missed} ${missed === 1 ? "objective" : "objectives"} missed`);
  if (complaints > 0) parts.push("the numbers do not agree");
  return `failed: ${parts.join(", ")}`;
}

function loadText({ streams, batches }: LoadScenario): string {
  const parts: string[] = [];
  if (streams !== null) {
    const perS = (1_000 / streams.framePeriodMs) * streams.frameEvents;
    parts.push(`${streams.count} streams of ${count(perS)} events/s`);
  }
  if (batches !== null) parts.push(`${batches.perS} requests/s of ${batches.events} events`);
  return parts.join(" and ");
}

function tiles(summary: LoadSummary): string {
  const boxes = keyFigures(summary)
    .filter(([words]) => !words.includes("p50"))
    .map(([words, value]) => tile(value, words));
  for (const [metric, words] of [
    ["ack_latency{door:stream}", "ack p99, streams"],
    ["ack_latency{door:http}", "ack p99, HTTP"],
    ["generator_lag", "k6 late by, p99"],
  ] as const) {
    const p99 = summary.metrics[metric]?.values["p(99)"];
    const value = p99 === undefined || p99 === 0 ? "–" : milliseconds(p99);
    boxes.push(tile(value, words));
  }
  return `<div class="tiles">${boxes.join("")}</div>`;
}

function objectivesTable(summary: LoadSummary): string {
  const undecided = undecidedOf(summary);
  const rows = objectivesOf(summary).map((objective) => {
    const { metric, rule, ok } = objective;
    const values = summary.metrics[metric]?.values ?? {};
    const key = rule.split(/[<>=]/)[0] ?? "";
    const value = values[key];
    const isTime = metric.includes("latency");
    const figure = isTime ? milliseconds : (plain: number) => Number(plain.toFixed(1)).toString();
    const shown = value === undefined ? "–" : figure(value);
    const why = undecided.includes(objective) ? ", machine busy" : "";
    const mark = ok ? `<td class="good">✓ met</td>` : `<td class="bad">✗ missed${why}</td>`;
    return row(`${mark}<td>${escape(metric)}</td><td>${escape(rule)}</td>${number(shown)}`);
  });
  const head = '<tr><th></th><th>of</th><th>objective</th><th class="n">was</th></tr>';
  return `<div class="scroll"><table>${head}${rows.join("")}</table></div>`;
}

function ledgerTable({ clients, gateway }: LoadSummary): string {
  if (gateway === null) return "<p>The ledger was not read: its admin port was not named.</p>";
  const counted: Partial<Record<(typeof LEDGER_STATES)[number], number>> = {
    received: clients.sent,
    stored: clients.stored,
    duplicate: clients.duplicate + clients.duplicateRejected,
    rejected: clients.rejected,
    retry: clients.retried,
  };
  const rows = LEDGER_STATES.map((state) => {
    const client = counted[state];
    const shown = client === undefined ? "–" : count(client);
    return row(`<td>${state}</td>${number(shown)}${number(count(gateway[state]))}`);
  });
  const head =
    "<tr><th>events</th><th class='n'>clients counted</th><th class='n'>the ledger has</th></tr>";
  return `<div class="scroll"><table>${head}${rows.join("")}</table></div>`;
}

function furtherTable(further: ReportParts["further"]): string {
  if (further.length === 0) return "";
  const rows = further.map(([words, value]) =>
    row(`<td>${escape(words)}</td>${number(escape(value))}`),
  );
  return `<h2>Beside it</h2><div class="scroll"><table>${rows.join("")}</table></div>`;
}

function tile(value: string, words: string): string {
  return `<div class="tile"><b>${escape(value)}</b><span>${escape(words)}</span></div>`;
}

function row(cells: string): string {
  return `<tr>${cells}</tr>`;
}

function number(text: string): string {
  return `<td class="n">${text}</td>`;
}
