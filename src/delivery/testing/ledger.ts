/**
 * Keeps the account of what was submitted and what became of it, and judges it: one outcome per
 * record, nothing from inside `submit`, `stored` only for what is in the log, order per key.
 */
import assert from "node:assert/strict";

import type { OutcomeCode } from "../../errors.ts";
import type { Delivery, DeliverySink } from "../delivery.ts";
import { makeTable, type TestRecord } from "./make-table.ts";

export interface Submitted {
  /** Also the record's value, followed by padding. */
  readonly id: string;
  readonly topic: string;
  readonly key: string | null;
  outcome: OutcomeCode | "stored" | null;
}

export class Ledger {
  readonly all: Submitted[] = [];
  readonly #delivery: Delivery;
  readonly #tenant: number;
  #isInside = false;

  constructor(delivery: Delivery, tenant = "one") {
    this.#delivery = delivery;
    this.#tenant = delivery.tenant(tenant);
  }

  submit(records: ReadonlyArray<{ topic: string; key?: string; pad?: number }>, atMs = 1e12): void {
    const rows: TestRecord[] = [];
    const mine: Submitted[] = [];
    for (const record of records) {
      const id = `r${this.all.length}`;
      const entry = { id, topic: record.topic, key: record.key ?? null, outcome: null };
      this.all.push(entry);
      mine.push(entry);
      const value = new TextEncoder().encode(id.padEnd(8 + (record.pad ?? 0), "."));
      const header = new Uint8Array([1, 2, 3]);
      rows.push(record.key === undefined ? { value, header } : { value, header, key: record.key });
    }
    const topics = Int32Array.from(records, ({ topic }) => this.#delivery.topic(topic));
    const sink = this.#sink(mine);
    this.#isInside = true;
    this.#delivery.submit(makeTable(rows), {
      sink,
      topics,
      tenant: this.#tenant,
      timestampMs: atMs,
      indexBase: 1_000,
    });
    this.#isInside = false;
  }

  get open(): number {
    return this.all.filter(({ outcome }) => outcome === null).length;
  }

  /** How many got each outcome. */
  outcomes(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { outcome } of this.all) {
      const name = outcome ?? "open";
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  /** `log`: what Kafka holds, each partition in its order. */
  judge(log: ReadonlyArray<{ topic: string; partition: number; value: string }>): void {
    const place = new Map<string, { readonly partition: number; readonly position: number }>();
    for (const [position, record] of log.entries()) {
      const id = /^r\d+/.exec(record.value)?.[0];
      assert(id !== undefined, `the log holds a record that nobody sent: ${record.value}`);
      assert(!place.has(id), `${id} is in the log twice`);
      place.set(id, { partition: record.partition, position });
    }
    const lastOfKey = new Map<string, { partition: number; position: number }>();
    for (const { id, topic, key, outcome } of this.all) {
      assert(outcome !== null, `${id} has no outcome`);
      if (outcome !== "stored") continue;
      const at = place.get(id);
      assert(at !== undefined, `${id} was reported stored and is not in the log`);
      if (key === null) continue;
      const last = lastOfKey.get(`${topic}/${key}`);
      if (last !== undefined && last.partition === at.partition) {
        assert(last.position < at.position, `${id} overtook an earlier record of key ${key}`);
      }
      lastOfKey.set(`${topic}/${key}`, at);
    }
  }

  #sink(mine: readonly Submitted[]): DeliverySink {
    let news = 0;
    const settle = (index: number, outcome: "stored" | OutcomeCode) => {
      assert(!this.#isInside, "no sink is called from inside submit");
      const entry = mine[index - 1_000];
      assert(entry !== undefined, `there is no row ${index}`);
      assert(entry.outcome === null, `${entry.id} has two outcomes`);
      entry.outcome = outcome;
      news += 1;
    };
    return {
      recordStored: (index) => settle(index, "stored"),
      recordFailed: (index, code) => settle(index, code),
      commitSettled: () => {
        assert(!this.#isInside, "no sink is called from inside submit");
        assert(news > 0, "something is settled");
        news = 0;
      },
    };
  }
}
