/**
 * The words of the dashboard table: panels, and the shapes of queries that recur. SELECT stands for
 * the choice of job and instance, EVERY for the range of a rate.
 */

type Unit = "short" | "s" | "bytes" | "percentunit" | "ops" | "Bps" | "dtdurations";

export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  /** PromQL → legend. */
  readonly queries: Readonly<Record<string, string>>;
  /** A number instead of a course. */
  readonly isStat?: boolean;
  /** Where it becomes alarming. */
  readonly alarmAt?: number;
}

export interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export const rate = (metric: string, by: string, labels = ""): string =>
  `sum by (${by}) (rate(${metric}{SELECT${labels}}[EVERY]))`;

export const quantile = (share: number, histogram: string, by = ""): string =>
  `histogram_quantile(${share}, sum by (le${by}) (rate(${histogram}_bucket{SELECT}[EVERY])))`;

export const quantiles = (histogram: string): Record<string, string> => ({
  [quantile(0.5, histogram)]: "p50",
  [quantile(0.99, histogram)]: "p99",
  [quantile(0.999, histogram)]: "p99.9",
});

export const sum = (gauge: string): string => `sum(${gauge}{SELECT})`;
export const each = (gauge: string): string => `${gauge}{SELECT}`;
