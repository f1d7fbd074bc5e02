/**
 * What does delivery cost per record, and how many records a second do its lanes carry?
 *
 *   UV_THREADPOOL_SIZE=16 node bench/delivery.ts [--brokers host:port] [--lanes 1,4] [--inflight
 *   500,8000]
 *     [--seconds 2] [--linger 5] [--compression none] [--topic name] [--size 360] [--rate
 *     records/s]
 *
 * Frames of 100 keyed records with a header are submitted as long as fewer than `inflight` records
 * are out (closed loop), or at a fixed rate (open loop). Without --brokers the embedded broker
 * takes them, whose own cost is then part of "process". Prints a table and one line of JSON per
 * row.
 */
import { parseArgs } from "node:util";

import { createDelivery } from "../src/delivery/create.ts";
import type { Compression, Delivery } from "../src/delivery/delivery.ts";
import { makeTable } from "../src/delivery/testing/make-table.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const FRAME = 100;
const { values: flags } = parseArgs({
  options: {
    brokers: { type: "string" },
    lanes: { type: "string", default: "1,2,4,8" },
    inflight: { type: "string", default: "500,2000,8000,32000" },
    seconds: { type: "string", default: "2" },
    linger: { type: "string", default: "5" },
    compression: { type: "string", default: "none" },
    topic: { type: "string", default: "bench" },
    size: { type: "string", default: "360" },
    rate: { type: "string", default: "0" },
  },
});

const table = makeTable(
  Array.from({ length: FRAME }, (_, i) => ({
    value: crypto.getRandomValues(new Uint8Array(Number(flags.size))),
    key: `user-${i * 7919}`,
    header: crypto.getRandomValues(new Uint8Array(90)),
  })),
);

interface Row {
  readonly lanes: number;
  readonly inflight: number;
  readonly recordsPerSecond: number;
  readonly processMicros: number;
  readonly mainMicros: number;
  readonly commit: number;
  readonly ackMsP50: number;
  readonly ackMsP99: number;
  readonly failed: number;
}

async function measure(lanes: number, inflight: number): Promise<Row> {
  let commits = 0;
  let committed = 0;
  const delivery = createDelivery({
    brokers: flags.brokers === undefined ? null : [flags.brokers],
    lanes,
    threadPoolSize: Number(process.env["UV_THREADPOOL_SIZE"] ?? 4),
    lingerMs: Number(flags.linger),
    // The flag's value is checked by librdkafka.
    compression: flags.compression as Compression,
    onEvent: (event) => {
      if (event.kind === "commit") {
        commits += 1;
        committed += event.records;
      } else if (event.kind !== "state" && event.kind !== "producer_ready") {
        if (event.kind !== "topic" && event.kind !== "pressure") console.error(event);
      }
    },
  });
  const driver = new Driver(delivery, inflight);
  await delivery.start();
  await driver.run(300);
  commits = 0;
  committed = 0;
  const row = await driver.run(Number(flags.seconds) * 1_000);
  await delivery.drain(5_000);
  return { lanes, inflight, ...row, commit: Math.round(committed / Math.max(1, commits)) };
}

class Driver {
  readonly #delivery: Delivery;
  readonly #inflight: number;
  readonly #topics: Int32Array;
  #out = 0;
  #failed = 0;
  #settled = 0;
  #latencies: number[] = [];
  #more: () => void = () => {};

  constructor(delivery: Delivery, inflight: number) {
    this.#delivery = delivery;
    this.#inflight = inflight;
    this.#topics = new Int32Array(FRAME).fill(delivery.topic(flags.topic));
  }

  async run(forMs: number): Promise<Omit<Row, "lanes" | "inflight" | "commit">> {
    this.#settled = 0;
    this.#failed = 0;
    this.#latencies = [];
    const startedMs = performance.now();
    const cpu = process.cpuUsage();
    const thread = process.threadCpuUsage();
    const rate = Number(flags.rate);
    const endMs = startedMs + forMs;
    let submitted = 0;
    this.#more = () => {
      const nowMs = performance.now();
      const due = rate > 0 ? ((nowMs - startedMs) * rate) / 1_000 : Number.POSITIVE_INFINITY;
      if (nowMs >= endMs) return;
      while (this.#out < this.#inflight && submitted < due) {
        this.#submit();
        submitted += FRAME;
      }
    };
    this.#more();
    // The loop sleeps between, so that the cost of waiting is not counted as delivery's.
    while (performance.now() < endMs) {
      await new Promise((done) => setTimeout(done, rate > 0 ? 1 : 20));
      this.#more();
    }
    while (this.#out > 0) await new Promise((done) => setTimeout(done, 1));
    const seconds = (performance.now() - startedMs) / 1_000;
    const used = process.cpuUsage(cpu);
    const main = process.threadCpuUsage(thread);
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return {
      recordsPerSecond: Math.round(this.#settled / seconds),
      processMicros: (used.user + used.system) / this.#settled,
      mainMicros: (main.user + main.system) / this.#settled,
      ackMsP50: at(0.5),
      ackMsP99: at(0.99),
      failed: this.#failed,
    };
  }

  #submit(): void {
    const atMs = performance.now();
    let open = FRAME;
    let count = 0;
    this.#out += FRAME;
    const sink = {
      recordStored: (): void => {
        count += 1;
      },
      recordFailed: (): void => {
        this.#failed += 1;
        count += 1;
      },
      commitSettled: (): void => {
        this.#out -= count;
        this.#settled += count;
        open -= count;
        count = 0;
        if (open === 0) this.#latencies.push(performance.now() - atMs);
        if (Number(flags.rate) === 0) this.#more();
      },
    };
    const timestampMs = Date.now();
    this.#delivery.submit(table, {
      sink,
      topics: this.#topics,
      tenant: 0,
      timestampMs,
      indexBase: 0,
    });
  }
}

const rows: Row[] = [];
for (const lanes of flags.lanes.split(",").map(Number)) {
  for (const inflight of flags.inflight.split(",").map(Number)) {
    rows.push(await measure(lanes, inflight));
  }
}
const round = (value: number): number => Math.round(value * 100) / 100;
console.table(
  rows.map((row) => ({
    ...row,
    processMicros: round(row.processMicros),
    mainMicros: round(row.mainMicros),
    ackMsP50: round(row.ackMsP50),
    ackMsP99: round(row.ackMsP99),
  })),
);
for (const row of rows) {
  console.log(JSON.stringify({ bench: "delivery", broker: flags.brokers ?? "embedded", ...row }));
}
