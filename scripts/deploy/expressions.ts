/**
 * Holds PromQL to the metric table: which series an expression names, and what is wrong with them.
 * It is no parser of PromQL; it knows enough of it for the expressions of this project.
 */
import type { ExportedMetric } from "../../src/telemetry/cells.ts";
import { isKeyed, type MetricDeclaration } from "../../src/telemetry/declaration.ts";
import { METRICS } from "../../src/telemetry/metrics.ts";
import { sinkMetrics } from "../../src/telemetry/sink-metrics.ts";

/** Labels that Prometheus adds, or that the rules give. */
const ADDED_LABELS: ReadonlySet<string> = new Set(["job", "instance", "le", "slo"]);

/** Written by Prometheus itself for each target. */
const OF_PROMETHEUS: ReadonlySet<string> = new Set(["up"]);

const WORDS: ReadonlySet<string> = new Set([
  "and",
  "or",
  "unless",
  "by",
  "without",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "offset",
  "bool",
]);

const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g;
const SELECTOR = /([A-Za-z_:][\w:]*)\{([^}]*)\}/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;
const NAME = /(?<![\w:$.])[A-Za-z_:][\w:]*(?![\w:]*\s*\()/g;
const PARTS_OF_HISTOGRAM = /_(?:bucket|sum|count)$/;

export interface KnownNames {
  /** Metrics of prom-client: process_*, nodejs_*. */
  readonly ofNode: readonly ExportedMetric[];
  readonly recorded: ReadonlySet<string>;
}

/** Sentences on what an expression names and nobody exports; empty: nothing. */
export function inspectExpression(expression: string, known: KnownNames): string[] {
  const found: string[] = [];
  for (const name of namesOf(expression)) {
    if (!isKnown(name, known)) found.push(`${name} is no metric`);
  }
  for (const [, name = "", matchers = ""] of expression.matchAll(SELECTOR)) {
    const declaration = declarationOf(name);
    if (declaration === undefined) continue;
    for (const [, label = "", , value = ""] of matchers.matchAll(MATCHER)) {
      found.push(...inspectMatcher({ declaration, label, value }));
    }
  }
  return found;
}

/** The series names in an expression, without what is done with them. */
export function namesOf(expression: string): string[] {
  const bare = expression
    .replaceAll(/"[^"]*"/g, "")
    .replaceAll(/\{[^}]*\}/g, "")
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(GROUPING, "");
  return [...bare.matchAll(NAME)].map(([name]) => name).filter((name) => !WORDS.has(name));
}

function declarationOf(name: string): MetricDeclaration | undefined {
  const declarations: readonly MetricDeclaration[] = [
    ...Object.values(METRICS),
    ...Object.values(sinkMetrics([])),
  ];
  return (
    declarations.find((each) => each.name === name) ??
    declarations.find(
      (each) => each.type === "histogram" && each.name === name.replace(PARTS_OF_HISTOGRAM, ""),
    )
  );
}

function isKnown(name: string, { ofNode, recorded }: KnownNames): boolean {
  if (OF_PROMETHEUS.has(name) || recorded.has(name)) return true;
  const declaration = declarationOf(name);
  // The bare name of a histogram has no series.
  if (declaration !== undefined)
    return declaration.type !== "histogram" || declaration.name !== name;
  return ofNode.some(
    (metric) => metric.name === name || metric.name === name.replace(PARTS_OF_HISTOGRAM, ""),
  );
}

function inspectMatcher(matcher: {
  readonly declaration: MetricDeclaration;
  readonly label: string;
  readonly value: string;
}): string[] {
  const { declaration, label, value } = matcher;
  if (label === "le") {
    const isBucket = declaration.buckets?.includes(Number(value)) === true;
    return isBucket ? [] : [`${declaration.name} has no bucket ${value}`];
  }
  if (ADDED_LABELS.has(label)) return [];
  const place = declaration.labels?.indexOf(label) ?? -1;
  if (place === -1) return [`${declaration.name} has no label ${label}`];
  // Which tenants there are is said by the tenants file.
  const index = isKeyed(declaration) ? place - 1 : place;
  if (index < 0) return [];
  if (value.startsWith("$")) return [];
  return value
    .split("|")
    .filter((each) => declaration.series?.every((series) => series[index] !== each) === true)
    .map((each) => `${declaration.name} is never ${label}="${each}"`);
}
