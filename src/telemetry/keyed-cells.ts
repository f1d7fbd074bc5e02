/**
 * Metrics by tenant: the first so many of the tenants file by name, all others together as `other`.
 * Which tenant has a series of its own follows from its number alone, so that all processes agree.
 * A value is a slot of a Float64Array, as in cells.ts.
 */
import assert from "node:assert/strict";
import type { ExportedMetric, ExportedValue, MetricSource } from "./cells.ts";
import type { KeyedDeclaration } from "./declaration.ts";

/** Whose value it is. */
export interface TenantKey {
  readonly tenant: string;
  /** Small and stable: its place in the tenants file. */
  readonly number: number;
}

export const OTHER_TENANTS = "other";

/** Rows of the tenants seen so far; the last one is that of all others. */
class TenantRows {
  readonly names: string[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  rowOf({ tenant, number }: TenantKey): number {
    const row = Math.min(number, this.#most);
    this.names[row] ??= row === this.#most ? OTHER_TENANTS : tenant;
    return row;
  }
}

export class KeyedCounterCells implements MetricSource {
  readonly name: string;
  readonly #declaration: KeyedDeclaration;
  readonly #rows: TenantRows;
  readonly #inner: readonly string[];
  readonly #values: Float64Array;

  constructor(declaration: KeyedDeclaration) {
    this.name = declaration.name;
    this.#declaration = declaration;
    this.#rows = new TenantRows(declaration.tenantsMax);
    this.#inner = (declaration.series ?? [[""]]).map(([value = ""]) => value);
    this.#values = new Float64Array((declaration.tenantsMax + 1) * this.#inner.length);
  }

  /** Adds to a tenant's series with this value of the other label; "" where there is none. */
  add(count: number, tenant: TenantKey, value = ""): void {
    const column = this.#inner.indexOf(value);
    assert(column >= 0, `${this.name} declares the series it is asked for`);
    const slot = this.#rows.rowOf(tenant) * this.#inner.length + column;
    this.#values[slot] = (this.#values[slot] ?? 0) + count;
  }

  get(): ExportedMetric {
    const { labels } = this.#declaration;
    const values: ExportedValue[] = [];
    this.#rows.names.forEach((tenant, row) => {
      for (const [column, inner] of this.#inner.entries()) {
        const pairs = labels.map((label, index) => [label, index === 0 ? tenant : inner]);
        const value = this.#values[row * this.#inner.length + column] ?? 0;
        // As many values as labels, all of them texts.
        values.push({ labels: Object.fromEntries(pairs) as Record<string, string>, value });
      }
    });
    return exportedOf(this.#declaration, values);
  }
}

/** Read from its owner when somebody scrapes. */
export class KeyedGaugeCells implements MetricSource {
  readonly name: string;
  readonly #declaration: KeyedDeclaration;
  #read: () => Iterable<readonly [TenantKey, number]> = () => [];

  constructor(declaration: KeyedDeclaration) {
    this.name = declaration.name;
    this.#declaration = declaration;
  }

  readFrom(read: () => Iterable<readonly [TenantKey, number]>): void {
    this.#read = read;
  }

  get(): ExportedMetric {
    const rows = new TenantRows(this.#declaration.tenantsMax);
    const sums: number[] = [];
    for (const [tenant, value] of this.#read()) {
      const row = rows.rowOf(tenant);
      sums[row] = (sums[row] ?? 0) + value;
    }
    const values: ExportedValue[] = [];
    rows.names.forEach((tenant, row) => {
      values.push({ labels: { tenant }, value: sums[row] ?? 0 });
    });
    return exportedOf(this.#declaration, values);
  }
}

function exportedOf(
  { name, help, type, aggregator = "sum" }: KeyedDeclaration,
  values: readonly ExportedValue[],
): ExportedMetric {
  return { name, help, type, aggregator, values };
}
