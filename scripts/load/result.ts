/**
 * What came of a load test: k6's summary, what the witnesses say, and one verdict. Printed for
 * people; the report draws it.
 */
import type { ClientNumbers, LedgerNumbers } from "../../loadtest/lib/ledger.ts";
import type { MachineUse } from "./machine-watch.ts";

/** What loadtest/lib/summary.ts writes, and what was seen beside it. */
export interface LoadSummary {
  /** Null or absent: nobody looked, or it cannot be told here. */
  readonly machine?: MachineUse | null;
  readonly scenario: string;
  readonly url: string;
  readonly durationMs: number;
  readonly clients: ClientNumbers;
  /** Null: the admin port was not named. */
  readonly gateway: LedgerNumbers | null;
  readonly complaints: readonly string[];
  readonly thresholds: readonly Threshold[];
  readonly metrics: Readonly<
    Record<string, { readonly values: Readonly<Record<string, number>> } | undefined>
  >;
}

export interface Threshold {
  readonly metric: string;
  readonly rule: string;
  readonly ok: boolean;
}

/** The objectives; those that only keep a metric apart in the summary are none. */
export function objectivesOf(summary: LoadSummary): readonly Threshold[] {
  return summary.thresholds
    .filter(({ rule }) => rule !== "max>=0")
    .toSorted((a, b) => a.metric.localeCompare(b.metric));
}

/**
 * Where Kafka's own count contradicts the clients. A record for every event that was called stored;
 * none that was neither stored nor left in doubt.
 */
export function judgeRecords(
  records: number,
  { clients, gateway }: Pick<LoadSummary, "clients" | "gateway">,
): string[] {
  const stored = clients.stored + clients.duplicate;
  if (records < stored) {
    return [`Lost: clients were told of ${stored} stored events, Kafka has ${records} records.`];
  }
  const possible = Math.max(stored, gateway?.stored ?? 0) + (gateway?.retry ?? clients.retried);
  if (records > possible) {
    return [`Kafka has ${records} records, though no more than ${possible} can be there.`];
  }
  return [];
}

/** Objectives that a machine without time misses by itself; the others are the gateway's alone. */
const OBJECTIVES_OF_TIME = /latency|^dropped_iterations$|^events_unsettled$|^missing_answers$/;

/** Where there is no objective of latency, ms. */
const LIMIT_MS_DEFAULT = 1_000;

/** Share of the machine from which on what others take is felt. */
const OTHERS_SHARE_MAX = 0.15;

/**
 * Objectives that were missed while others took a part of the machine, or while k6 itself was late
 * by more than half of what an answer may take: they say nothing about the gateway.
 */
export function undecidedOf(summary: LoadSummary): readonly Threshold[] {
  const objectives = objectivesOf(summary);
  const limits = objectives.map(({ rule }) => Number(/^p\(99\)<(\d+)$/.exec(rule)?.[1]));
  const known = limits.filter((limit) => limit > 0);
  const limitMs = known.length === 0 ? LIMIT_MS_DEFAULT : Math.min(...known);
  if (generatorLagMs(summary) <= limitMs / 2 && !isShared(summary)) return [];
  return objectives.filter(({ metric, ok }) => !ok && OBJECTIVES_OF_TIME.test(metric));
}

function isShared({ machine }: LoadSummary): boolean {
  return (machine?.othersCores ?? 0) > OTHERS_SHARE_MAX * (machine?.cores ?? 1);
}

function generatorLagMs(summary: LoadSummary): number {
  return summary.metrics["generator_lag"]?.values["p(99)"] ?? 0;
}

/** A sentence about these objectives; null: there are none. */
export function generatorNote(summary: LoadSummary): string | null {
  const names = new Set(undecidedOf(summary).map(({ metric }) => metric.replace(/\{.*/, "")));
  if (names.size === 0) return null;
  const lag = `k6 itself was late by ${milliseconds(generatorLagMs(summary))} (p99)`;
  const { machine } = summary;
  const others =
    machine === undefined || machine === null || !isShared(summary)
      ? ""
      : ` and other programs took ${machine.othersCores.toFixed(1)} of ${machine.cores} cores`;
  return (
    `${lag}${others}: the machine was too busy, so that nothing is known about the gateway by ` +
    `${[...names].join(", ")}. Ask again on a quieter machine, or with less load (--scale).`
  );
}

/** One line for each number that counts, as words and value. */
export function keyFigures(summary: LoadSummary): ReadonlyArray<readonly [string, string]> {
  const { clients, durationMs } = summary;
  const settled = clients.stored + clients.duplicate + clients.duplicateRejected + clients.rejected;
  const latency = (name: string): string => {
    const values = summary.metrics[name]?.values;
    // k6 has zeros for what was never measured.
    if (values?.["max"] === undefined || values["max"] === 0) return "–";
    const parts = ["med", "p(99)", "p(99.9)", "max"].map((key) => milliseconds(values[key] ?? 0));
    return parts.join(" · ");
  };
  return [
    ["events offered", count(clients.offered)],
    ["stored", count(clients.stored + clients.duplicate)],
    ["rejected", count(clients.rejected + clients.duplicateRejected)],
    ["without an outcome", count(clients.unsettled)],
    ["answered retry", count(clients.retried)],
    ["connections broken", count(clients.breaks)],
    ["settled per second", count((settled * 1_000) / Math.max(1, durationMs))],
    ["ack, streams: p50 · p99 · p99.9 · max", latency("ack_latency{door:stream}")],
    ["ack, HTTP: p50 · p99 · p99.9 · max", latency("ack_latency{door:http}")],
    ["k6 late by: p50 · p99 · p99.9 · max", latency("generator_lag")],
    ["welcome: p50 · p99 · p99.9 · max", latency("welcome_latency")],
  ];
}

export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US").replaceAll(",", " ");
}

export function milliseconds(ms: number): string {
  if (ms >= 1_000) return `${Number((ms / 1_000).toFixed(ms < 10_000 ? 2 : 1))} s`;
  return `${Number(ms.toFixed(ms < 10 ? 1 : 0))} ms`;
}

export function renderResult(
  summary: LoadSummary,
  complaints: readonly string[],
  further: ReadonlyArray<readonly [string, string]> = [],
): string {
  const figures = [...keyFigures(summary), ...further].map(
    ([words, value]) => `  ${words.padEnd(46)}${value}`,
  );
  const undecided = undecidedOf(summary);
  const objectives = objectivesOf(summary).map((objective) => {
    const { metric, rule, ok } = objective;
    const why = undecided.includes(objective) ? " (the machine was busy, see below)" : "";
    return `  ${ok ? "✓" : "✗"} ${metric} ${rule}${why}`;
  });
  const ledger =
    summary.gateway === null
      ? "  the ledger was not read: name the gateway's admin port by --admin-url"
      : "  ✓ the gateway's ledger agrees with its clients";
  const verdicts = complaints.length === 0 ? [ledger] : complaints.map((each) => `  ✗ ${each}`);
  const note = generatorNote(summary);
  const notes = note === null ? [] : [`  ! ${note}`];
  const lines = [...figures, ...objectives, ...verdicts, ...notes];
  return [`\n${summary.scenario}`, ...lines, ""].join("\n");
}
