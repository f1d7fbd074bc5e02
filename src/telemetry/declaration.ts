/** What the metric table says of one metric. */

export interface MetricDeclaration {
  readonly name: `sluice_${string}`;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels?: readonly string[];
  /**
   * Every combination of label values there can be, in the order of `labels`. The set is closed:
   * its length is the cardinality bound, and no client can add to it.
   */
  readonly series?: readonly (readonly string[])[];
  /** Upper bounds of a histogram, ascending. */
  readonly buckets?: readonly number[];
  /** How the values of several workers become one; counters and histograms are summed. */
  readonly aggregator?: "sum" | "max" | "min" | "average" | "first";
}

/** Series of one label. */
export function each(values: readonly string[]): readonly (readonly [string])[] {
  return values.map((value) => [value] as const);
}

/** Series of two labels whose values combine freely. */
export function pairs(
  first: readonly string[],
  second: readonly string[],
): readonly (readonly [string, string])[] {
  return first.flatMap((left) => second.map((right) => [left, right] as const));
}
