/**
 * The words of the alert tables: what one alert is, and the series that show it at work. It knows
 * nothing of the files that are made from them.
 */

/** page: somebody is woken; ticket: somebody looks at it on a working day. */
type Severity = "page" | "ticket";

/** The dashboard that shows the way to the cause. */
export type DashboardName =
  | "overview"
  | "delivery"
  | "streams"
  | "codec"
  | "sessions"
  | "backends"
  | "tenants"
  | "live"
  | "sink";

/** One series of a rule test: its name with labels (job and instance are added), its values. */
export type TestSeries = readonly [series: string, values: string];

export interface Alert {
  /** Also the name of its runbook. */
  readonly name: string;
  readonly severity: Severity;
  /** PromQL; keeps the labels job and instance, or job alone. */
  readonly expression: string;
  readonly keeps: "job" | "instance";
  /** How long it has to hold, a Prometheus duration. */
  readonly holds: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  readonly dashboard: DashboardName;
  /** Labels of the alert beside severity, job and instance. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly test: {
    /** When the alert is looked at, a Prometheus duration from the start of the series. */
    readonly at: string;
    /** Makes the alert fire. */
    readonly bad: readonly TestSeries[];
    /** Close to it, and quiet. */
    readonly good: readonly TestSeries[];
  };
}
