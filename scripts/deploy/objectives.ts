/**
 * The service level objectives and the alerts on how fast their error budgets burn, over several
 * windows (the method of the SRE workbook, for 30 days). It knows no causes.
 */
import type { Alert, TestSeries } from "./alert.ts";

interface Objective {
  readonly name: string;
  /** For alert names. */
  readonly title: string;
  /** Share of good ones that is promised. */
  readonly target: number;
  readonly promise: string;
  /** PromQL of the rates; RANGE stands for the window. */
  readonly badRate: string;
  readonly allRate: string;
  /** Series of a tenth of bad ones, and of none. */
  readonly bad: readonly TestSeries[];
  readonly good: readonly TestSeries[];
}

const OUTCOME = "sluice_events_outcome_total";

export const OBJECTIVES: readonly Objective[] = [
  {
    name: "outcome",
    title: "Outcome",
    target: 0.999,
    promise: "events get a final outcome at the first attempt: stored, duplicate or rejected",
    badRate: `sum by (job) (rate(${OUTCOME}{outcome="retry"}[RANGE]))`,
    allRate: `sum by (job) (rate(${OUTCOME}[RANGE]))`,
    bad: [
      [`${OUTCOME}{outcome="retry",code="kafka_timeout"}`, "0+600x600"],
      [`${OUTCOME}{outcome="stored",code="none"}`, "0+5400x600"],
    ],
    good: [
      [`${OUTCOME}{outcome="rejected",code="schema_invalid"}`, "0+3000x600"],
      [`${OUTCOME}{outcome="retry",code="kafka_timeout"}`, "0+0x600"],
      [`${OUTCOME}{outcome="stored",code="none"}`, "0+3000x600"],
    ],
  },
  {
    name: "latency",
    title: "Latency",
    target: 0.99,
    promise: "batches are answered within 0.5 s",
    badRate:
      "(sum by (job) (rate(sluice_ack_latency_seconds_count[RANGE])) - " +
      'sum by (job) (rate(sluice_ack_latency_seconds_bucket{le="0.5"}[RANGE])))',
    allRate: "sum by (job) (rate(sluice_ack_latency_seconds_count[RANGE]))",
    bad: [
      ['sluice_ack_latency_seconds_bucket{transport="ws",le="0.5"}', "0+700x600"],
      ['sluice_ack_latency_seconds_count{transport="ws"}', "0+1000x600"],
    ],
    good: [
      ['sluice_ack_latency_seconds_bucket{transport="ws",le="0.5"}', "0+995x600"],
      ['sluice_ack_latency_seconds_count{transport="ws"}', "0+1000x600"],
    ],
  },
  {
    name: "requests",
    title: "Requests",
    target: 0.999,
    promise: "HTTP requests are not turned away with 500 or 503",
    badRate: 'sum by (job) (rate(sluice_http_requests_total{status=~"500|503"}[RANGE]))',
    allRate: "sum by (job) (rate(sluice_http_requests_total[RANGE]))",
    bad: [
      ['sluice_http_requests_total{route="events",status="503"}', "0+100x600"],
      ['sluice_http_requests_total{route="events",status="200"}', "0+900x600"],
    ],
    good: [
      ['sluice_http_requests_total{route="events",status="400"}', "0+500x600"],
      ['sluice_http_requests_total{route="events",status="503"}', "0+0x600"],
      ['sluice_http_requests_total{route="events",status="200"}', "0+500x600"],
    ],
  },
];

export const WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] as const;
type Window = (typeof WINDOWS)[number];

/** The recorded share of bad ones over a window. */
export const recordName = (window: Window): string => `sluice:slo_bad:ratio_rate${window}`;

interface Burn {
  /** How many times faster than the budget allows. */
  readonly factor: number;
  readonly long: Window;
  readonly short: Window;
}

interface Pace {
  readonly name: string;
  readonly severity: "page" | "ticket";
  readonly burns: readonly Burn[];
  readonly holds: string;
  readonly at: string;
}

const PACES: readonly Pace[] = [
  {
    name: "Fast",
    severity: "page",
    burns: [
      { factor: 14.4, long: "1h", short: "5m" },
      { factor: 6, long: "6h", short: "30m" },
    ],
    holds: "2m",
    at: "70m",
  },
  {
    name: "Slow",
    severity: "ticket",
    burns: [
      { factor: 3, long: "1d", short: "2h" },
      { factor: 1, long: "3d", short: "6h" },
    ],
    holds: "15m",
    at: "150m",
  },
];

/** One page and one ticket for each objective. */
export const BURN_ALERTS: readonly Alert[] = OBJECTIVES.flatMap((objective) =>
  PACES.map((pace) => burnAlert(objective, pace)),
);

function burnAlert(objective: Objective, pace: Pace): Alert {
  const { name, title, target, promise, bad, good } = objective;
  const budget = Number((1 - target).toFixed(6));
  const terms = pace.burns.map(({ factor, long, short }) => {
    const isOver = (window: Window): string =>
      `${recordName(window)}{slo="${name}"} > ${Number((factor * budget).toFixed(6))}`;
    return `(${isOver(long)} and ${isOver(short)})`;
  });
  return {
    name: `Sluice${title}Burn${pace.name}`,
    severity: pace.severity,
    expression: terms.join(" or "),
    keeps: "job",
    holds: pace.holds,
    summary:
      `The error budget of ${Number((target * 100).toFixed(3))} % "${promise}" burns ` +
      pace.burns.map(({ factor, long }) => `${factor} times too fast over ${long}`).join(" or "),
    dashboard: "overview",
    labels: { slo: name },
    test: { at: pace.at, bad, good },
  };
}
