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

/** A metric by tenant: its first label is `tenant`, and `series` has the values of the other. */
export interface KeyedDeclaration extends MetricDeclaration {
  readonly type: "counter" | "gauge";
  readonly labels: readonly ["tenant", ...string[]];
  /** So many tenants have series of their own, all others one together. */
  readonly tenantsMax: number;
}

export function isKeyed(declaration: MetricDeclaration): declaration is KeyedDeclaration {
  return "tenantsMax" in declaration;
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
