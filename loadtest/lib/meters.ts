/**
 * What a load test measures, and what the objectives are. Every event is counted when it is
 * offered, when it is sent, and when it is settled, so that the sums can be held against each other
 * and against the gateway's ledger.
 */
import { Counter, Gauge, Trend } from "k6/metrics";

import type { LoadScenario } from "../catalog.ts";
import { LEDGER_STATES } from "./ledger.ts";
import type { ClientNumbers, LedgerNumbers } from "./ledger.ts";
import type { QueuedEvent } from "./stream-queue.ts";

/** `fault`: while a fault lasts, and until what it held up is settled. */
export type Phase = "calm" | "fault";
export type Door = "stream" | "http";

const ackLatency = new Trend("ack_latency", true);
const welcomeLatency = new Trend("welcome_latency", true);
/** How late k6 itself was with a frame that was due: it is part of the ack's latency. */
const generatorLag = new Trend("generator_lag", true);

const counters = {
  offered: new Counter("events_offered"),
  sent: new Counter("events_sent"),
  stored: new Counter("events_stored"),
  duplicate: new Counter("events_duplicate"),
  duplicateRejected: new Counter("events_duplicate_rejected"),
  rejected: new Counter("events_rejected"),
  retried: new Counter("events_retried"),
  unsettled: new Counter("events_unsettled"),
  breaks: new Counter("connections_broken"),
} as const satisfies Readonly<Record<keyof ClientNumbers, Counter>>;

const wrongOutcomes = new Counter("wrong_outcomes");
const wrongAnswers = new Counter("wrong_answers");
const missingAnswers = new Counter("missing_answers");
const ledgerDrift = new Gauge("ledger_drift");
const ledgerGauges = new Map(LEDGER_STATES.map((state) => [state, new Gauge(`ledger_${state}`)]));

/** Complaints are shown this often in each virtual user; all are counted. */
const SHOWN_MAX = 3;

const OUTCOMES = ["stored", "duplicate", "duplicateRejected", "rejected"] as const;

export class Meters {
  readonly #settled = { stored: 0, duplicate: 0, duplicateRejected: 0, rejected: 0 };
  #shown = 0;

  offered(events: number): void {
    counters.offered.add(events);
  }

  sent(events: number): void {
    counters.sent.add(events);
  }

  /** Counted for k6 by `flush`: a point of k6's costs it as much as an event. */
  settled(outcome: "stored" | "duplicate" | "rejected", event: QueuedEvent): void {
    const isEarlierRefusal = outcome === "duplicate" && !event.isValid;
    this.#settled[isEarlierRefusal ? "duplicateRejected" : outcome] += 1;
  }

  /** What has been settled since the last call; after each answer that was read. */
  flush(): void {
    for (const outcome of OUTCOMES) {
      const events = this.#settled[outcome];
      if (events === 0) continue;
      this.#settled[outcome] = 0;
      counters[outcome].add(events);
    }
  }

  retried(code: string): void {
    counters.retried.add(1, { code });
  }

  /** `what` tells them apart. */
  unsettled(events: number, what: string): void {
    if (events === 0) return;
    counters.unsettled.add(events);
    this.#show(`${events} events without an outcome: ${what}`);
  }

  broken(code: string): void {
    counters.breaks.add(1, { code });
  }

  ackLatency(ms: number, tags: { readonly door: Door; readonly phase: Phase }): void {
    ackLatency.add(ms, tags);
  }

  generatorLag(ms: number): void {
    generatorLag.add(ms);
  }

  welcomeLatency(ms: number): void {
    welcomeLatency.add(ms);
  }

  /** A good event refused, or a bad one stored. */
  wrongOutcome(outcome: string, { text, isValid }: QueuedEvent, detail: string): void {
    wrongOutcomes.add(1);
    this.#show(`a ${isValid ? "good" : "bad"} event was ${outcome} ${detail}: ${text}`);
  }

  /** An answer that the contract with clients does not have. */
  wrongAnswer(what: string): void {
    wrongAnswers.add(1);
    this.#show(what);
  }

  /** One that did not come while it was waited for: wrong, or a machine without time. */
  missingAnswer(what: string): void {
    missingAnswers.add(1);
    this.#show(what);
  }

  ledger(numbers: LedgerNumbers): void {
    for (const [state, gauge] of ledgerGauges) gauge.add(numbers[state]);
    ledgerDrift.add(numbers.drift);
  }

  #show(what: string): void {
    this.#shown += 1;
    if (this.#shown <= SHOWN_MAX) console.error(what);
  }
}

/** k6's thresholds: the objectives of a scenario. */
export function thresholdsOf(scenario: LoadScenario): Record<string, string[]> {
  const thresholds: Record<string, string[]> = {
    events_unsettled: ["count==0"],
    wrong_outcomes: ["count==0"],
    wrong_answers: ["count==0"],
    missing_answers: ["count==0"],
    dropped_iterations: ["count==0"],
    ledger_drift: ["value==0"],
  };
  // Named so that the summary has them apart, with an objective that always holds.
  for (const door of ["stream", "http"]) thresholds[`ack_latency{door:${door}}`] = ["max>=0"];
  const { ackP99Ms, fault } = scenario;
  if (ackP99Ms > 0) {
    // Without Redis events flow: their latency is promised then, too.
    const calm = fault?.kind === "kafka-stall" ? "{phase:calm}" : "";
    thresholds[`ack_latency${calm}`] = [`p(99)<${ackP99Ms}`];
    if (scenario.streams?.stormEveryS !== undefined) {
      thresholds["welcome_latency"] = [`p(99)<${ackP99Ms}`];
    }
  }
  return thresholds;
}

interface SummaryMetric {
  readonly values: Readonly<Record<string, number>>;
}

type SummaryMetrics = Readonly<Record<string, SummaryMetric | undefined>>;

/** The counts out of k6's summary. */
export function clientNumbers(metrics: SummaryMetrics): ClientNumbers {
  const names = Object.entries(counters).map(([key, { name }]) => [key, name] as const);
  return Object.fromEntries(
    names.map(([key, name]) => [key, metrics[name]?.values["count"] ?? 0]),
  ) as unknown as ClientNumbers;
}

/** The gateway's ledger out of k6's summary; null: it was not read. */
export function gatewayNumbers(metrics: SummaryMetrics): LedgerNumbers | null {
  if (metrics[ledgerDrift.name] === undefined) return null;
  const entries = [...ledgerGauges].map(([state, { name }]) => [state, name] as const);
  return Object.fromEntries(
    [...entries, ["drift", ledgerDrift.name] as const].map(([state, name]) => [
      state,
      metrics[name]?.values["value"] ?? 0,
    ]),
  ) as LedgerNumbers;
}
