/**
 * What every Delivery has to do, whichever broker is behind it: run against the fake, the embedded
 * broker and a real Kafka.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { DeliveryOptions } from "../create.ts";
import type { Delivery, DeliveryEvent } from "../delivery.ts";
import { Ledger } from "./ledger.ts";

export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly value: string;
  /** Header names. */
  readonly headers: readonly string[];
}

export interface Harness {
  readonly delivery: Delivery;
  readonly events: readonly DeliveryEvent[];
  /** A topic of four partitions, new for this harness. */
  readonly topic: string;
  /** A name no topic has, or null where the broker makes every topic it hears of. */
  readonly missingTopic: string | null;
  /** Resolves when the condition holds; rejects when it does not within reason. */
  readonly until: (condition: () => boolean) => Promise<void>;
  /** All records of the topics, each partition in order. */
  readonly read: (topics: readonly string[], count: number) => Promise<LogRecord[]>;
  readonly stop: () => Promise<void>;
}

export type MakeHarness = (options?: Partial<DeliveryOptions>) => Promise<Harness>;

export function deliveryContract(name: string, make: MakeHarness): void {
  const withHarness = async (
    run: (harness: Harness) => Promise<void>,
    options?: Partial<DeliveryOptions>,
  ): Promise<void> => {
    const harness = await make(options);
    try {
      await run(harness);
    } finally {
      await harness.stop();
    }
  };

  describe(`delivery contract: ${name}`, () => {
    it("every record is settled once, stored ones are read back in order per key", () =>
      withHarness(async ({ delivery, topic, until, read }) => {
        const ledger = new Ledger(delivery);
        for (let frame = 0; frame < 40; frame += 1) {
          ledger.submit(
            Array.from({ length: 50 }, (_, i) => ({ topic, key: `key-${(frame + i) % 17}` })),
          );
          if (frame % 5 === 0) await until(() => ledger.open < 500);
        }
        await until(() => ledger.open === 0);
        assert.deepEqual(ledger.outcomes(), { stored: 2_000 });
        assert.equal(delivery.pressure().unackedEvents, 0);
        assert.equal(delivery.pressure().unackedBytes, 0);
        const log = await read([topic], 2_000);
        assert.equal(log.length, 2_000);
        ledger.judge(log);
      }));

    it("a record carries its key and one header named sluice", () =>
      withHarness(async ({ delivery, topic, until, read }) => {
        const ledger = new Ledger(delivery);
        ledger.submit([{ topic, key: "k" }, { topic }]);
        await until(() => ledger.open === 0);
        const log = await read([topic], 2);
        const keys = log.map(({ key }) => key ?? "none").toSorted();
        assert.deepEqual(keys, ["k", "none"]);
        for (const record of log) assert.deepEqual(record.headers, ["sluice"]);
      }));

    it("keyless records of a loop turn share a partition and later ones move on", () =>
      withHarness(async ({ delivery, topic, until, read }) => {
        const ledger = new Ledger(delivery);
        for (let frame = 0; frame < 8; frame += 1) {
          ledger.submit(Array.from({ length: 10 }, () => ({ topic })));
          await until(() => ledger.open === 0);
        }
        const log = await read([topic], 80);
        const byPartition = Map.groupBy(log, ({ partition }) => partition);
        assert.equal(byPartition.size, 4);
        for (const [, records] of byPartition) assert.equal(records.length % 10, 0);
      }));

    it("a missing topic gives destination_unavailable and holds up no other", () =>
      withHarness(async ({ delivery, topic, missingTopic, until }) => {
        if (missingTopic === null) return;
        const ledger = new Ledger(delivery);
        ledger.submit([
          { topic, key: "a" },
          { topic: missingTopic, key: "a" },
        ]);
        await until(() => ledger.open === 0);
        assert.deepEqual(ledger.outcomes(), { stored: 1, destination_unavailable: 1 });
      }));

    it("a dead letter is stored with its headers", () =>
      withHarness(async ({ delivery, topic, until, read }) => {
        let settled = 0;
        const sink = {
          recordStored: (): void => {
            settled += 1;
          },
          recordFailed: (_index: number, code: string): void => assert.fail(code),
          commitSettled: (): void => undefined,
        };
        const value = new TextEncoder().encode("r0");
        const headers = [
          ["code", "schema_invalid"],
          ["path", "/a"],
        ] as const;
        assert.equal(
          delivery.deadLetter({ topic, index: 3, tenant: 0, key: null, value, headers }, sink),
          true,
        );
        assert.equal(settled, 0);
        await until(() => settled === 1);
        const [record] = await read([topic], 1);
        assert.deepEqual(record?.headers, ["code", "path"]);
      }));

    it("over the budget records are refused with overloaded, later ones are welcome again", () =>
      withHarness(
        async ({ delivery, topic, until }) => {
          const ledger = new Ledger(delivery);
          const frame = Array.from({ length: 100 }, (_, i) => ({ topic, key: `k${i}` }));
          for (let i = 0; i < 5; i += 1) ledger.submit(frame);
          await until(() => ledger.open === 0);
          const { stored = 0, overloaded = 0 } = ledger.outcomes();
          assert.equal(stored + overloaded, 500);
          assert.ok(stored >= 100 && overloaded >= 100, JSON.stringify(ledger.outcomes()));
          assert.equal(delivery.pressure().level, "open");
          ledger.submit(frame);
          await until(() => ledger.open === 0);
          assert.equal(ledger.outcomes()["stored"], stored + 100);
        },
        { unackedEventsMax: 200 },
      ));

    it("drain settles what was accepted, refuses what comes later, and ends", () =>
      withHarness(async ({ delivery, topic, until }) => {
        const ledger = new Ledger(delivery);
        ledger.submit(Array.from({ length: 100 }, (_, i) => ({ topic, key: `k${i}` })));
        let isDrained = false;
        void delivery.drain(5_000).then(() => {
          isDrained = true;
        });
        ledger.submit([{ topic, key: "late" }]);
        await until(() => isDrained);
        assert.deepEqual(ledger.outcomes(), { stored: 100, kafka_unavailable: 1 });
        assert.equal(delivery.state(), "stopped");
      }));
  });
}
