/**
 * Storage of metrics, made for the hot path: every metric has a closed set of series, known when it
 * is made, and a value is a slot of a Float64Array. No hashing of labels, nothing allocated per
 * update. prom-client reads the cells when somebody scrapes. Knows no metric by name.
 */
import assert from "node:assert/strict";

import type { MetricDeclaration } from "./declaration.ts";

/** One line of the exposition, as prom-client's registries exchange it between processes. */
export interface ExportedValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
  readonly exemplar?: KeptExemplar;
}

/** The trace that an observation belongs to. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
  /** When it was made, ms since 1970. */
  readonly atMs: number;
}

interface KeptExemplar {
  readonly labelSet: { readonly trace_id: string; readonly span_id: string };
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

export interface ExportedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: MetricDeclaration["type"];
  readonly aggregator: string;
  readonly values: readonly ExportedValue[];
}

/** What prom-client needs to know of a metric: a name, and a way to read it. */
export interface MetricSource {
  readonly name: string;
  get(): ExportedMetric;
}

/** Numbers the series of a metric. */
class SeriesIndex {
  readonly labels: readonly Readonly<Record<string, string>>[];
  /** By the first label, and by both: a key made of two would be a new text each time. */
  readonly #slots = new Map<string, number>();
  readonly #slotsOfTwo = new Map<string, Map<string, number>>();
  readonly #name: string;

  constructor(declaration: MetricDeclaration) {
    this.#name = declaration.name;
    const names = declaration.labels ?? [];
    const series = declaration.series ?? [[]];
    this.labels = series.map((values) =>
      Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""])),
    );
    for (const [slot, [first = "", second]] of series.entries()) {
      if (second === undefined) this.#slots.set(first, slot);
      else {
        const ofFirst = this.#slotsOfTwo.get(first) ?? new Map<string, number>();
        this.#slotsOfTwo.set(first, ofFirst.set(second, slot));
      }
    }
  }

  slot(first: string, second: string | undefined): number {
    const slot =
      second === undefined ? this.#slots.get(first) : this.#slotsOfTwo.get(first)?.get(second);
    assert(slot !== undefined, `${this.#name} declares the series it is asked for`);
    return slot;
  }
}

export class CounterCells implements MetricSource {
  readonly name: string;
  readonly #declaration: MetricDeclaration;
  readonly #series: SeriesIndex;
  readonly #values: Float64Array;
  #readTotal: (() => number) | null = null;
  #beforeRead: () => void = () => {};

  constructor(declaration: MetricDeclaration) {
    this.name = declaration.name;
    this.#declaration = declaration;
    this.#series = new SeriesIndex(declaration);
    this.#values = new Float64Array(this.#series.labels.length);
  }

  /** For a counter without labels that its owner keeps: it is read when somebody scrapes. */
  readFrom(readTotal: () => number): void {
    this.#readTotal = readTotal;
  }

  /** Called before somebody scrapes: for an owner that counts only then. */
  beforeRead(count: () => void): void {
    this.#beforeRead = count;
  }

  /** Adds to the one series with these label values; `""` where the metric has no labels. */
  add(count: number, first = "", second?: string): void {
    const slot = this.#series.slot(first, second);
    this.#values[slot] = (this.#values[slot] ?? 0) + count;
  }

  /** The value of one series. */
  value(first = "", second?: string): number {
    return this.#values[this.#series.slot(first, second)] ?? 0;
  }

  get(): ExportedMetric {
    this.#beforeRead();
    if (this.#readTotal !== null) {
      this.#values[0] = this.#readTotal();
    }
    const values = this.#series.labels.map((labels, slot) => ({
      labels,
      value: this.#values[slot] ?? 0,
    }));
    return exported(this.#declaration, values);
  }
}

/** A gauge holds no value: it is read from its owner when somebody scrapes. */
export class GaugeCells implements MetricSource {
  readonly name: string;
  readonly #declaration: MetricDeclaration;
  #read: () => readonly ExportedValue[] = () => [];

  constructor(declaration: MetricDeclaration) {
    this.name = declaration.name;
    this.#declaration = declaration;
  }

  /** Where the value comes from; undefined leaves the metric out of this scrape. */
  readFrom(read: () => number | undefined): void {
    this.#read = () => {
      const value = read();
      return value === undefined ? [] : [{ labels: {}, value }];
    };
  }

  /** For gauges with labels: one number per declared series, in their order. */
  readSeriesFrom(read: () => readonly number[]): void {
    const { labels } = new SeriesIndex(this.#declaration);
    this.#read = () => read().map((value, slot) => ({ labels: labels[slot] ?? {}, value }));
  }

  /** For labels that are known when somebody scrapes; the owner bounds their number. */
  readValuesFrom(read: () => readonly ExportedValue[]): void {
    this.#read = read;
  }

  /** For an info metric: fixed labels, value 1. */
  readInfo(labels: Readonly<Record<string, string>>): void {
    this.#read = () => [{ labels, value: 1 }];
  }

  get(): ExportedMetric {
    return exported(this.#declaration, this.#read());
  }
}

export class HistogramCells implements MetricSource {
  readonly name: string;
  readonly #declaration: MetricDeclaration;
  readonly #series: SeriesIndex;
  readonly #bounds: Float64Array;
  /** Per series: a count for each bound, then one for what is above all, then the sum. */
  readonly #values: Float64Array;
  readonly #stride: number;
  /** By the place of a bucket in the values: so there are at most as many. */
  readonly #exemplars = new Map<number, KeptExemplar>();

  constructor(declaration: MetricDeclaration) {
    assert(declaration.buckets !== undefined, `${declaration.name} declares its buckets`);
    this.name = declaration.name;
    this.#declaration = declaration;
    this.#series = new SeriesIndex(declaration);
    this.#bounds = Float64Array.from(declaration.buckets);
    this.#stride = this.#bounds.length + 2;
    this.#values = new Float64Array(this.#stride * this.#series.labels.length);
  }

  /** Keeps the trace of an observation beside its bucket; the latest one stays. */
  exemplify(value: number, { traceId, spanId, atMs }: Exemplar, first = ""): void {
    const start = this.#series.slot(first, undefined) * this.#stride;
    const labelSet = { trace_id: traceId, span_id: spanId };
    const kept = { labelSet, value, timestamp: atMs / 1_000 };
    this.#exemplars.set(start + this.#bucketOf(value), kept);
  }

  #bucketOf(value: number): number {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) {
      bucket += 1;
    }
    return bucket;
  }

  /** Observes the same value `count` times. */
  observe(value: number, count = 1, first = ""): void {
    const start = this.#series.slot(first, undefined) * this.#stride;
    const bucket = this.#bucketOf(value);
    const values = this.#values;
    const sum = start + this.#stride - 1;
    values[start + bucket] = (values[start + bucket] ?? 0) + count;
    values[sum] = (values[sum] ?? 0) + value * count;
  }

  get(): ExportedMetric {
    const { name } = this.#declaration;
    const values: ExportedValue[] = [];
    for (const [slot, labels] of this.#series.labels.entries()) {
      const start = slot * this.#stride;
      let count = 0;
      for (const [bucket, bound] of this.#bounds.entries()) {
        count += this.#values[start + bucket] ?? 0;
        values.push({
          metricName: `${name}_bucket`,
          labels: { le: bound, ...labels },
          value: count,
          ...this.#exemplarAt(start + bucket),
        });
      }
      count += this.#values[start + this.#bounds.length] ?? 0;
      const sum = this.#values[start + this.#stride - 1] ?? 0;
      values.push(
        {
          metricName: `${name}_bucket`,
          labels: { le: "+Inf", ...labels },
          value: count,
          ...this.#exemplarAt(start + this.#bounds.length),
        },
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      );
    }
    return exported(this.#declaration, values);
  }

  #exemplarAt(place: number): { readonly exemplar?: KeptExemplar } {
    const exemplar = this.#exemplars.get(place);
    return exemplar === undefined ? {} : { exemplar };
  }
}

function exported(
  declaration: MetricDeclaration,
  values: readonly ExportedValue[],
): ExportedMetric {
  const { name, help, type, aggregator = "sum" } = declaration;
  return { name, help, type, aggregator, values };
}
