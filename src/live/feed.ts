/**
 * One topic, read once for all of its subscribers in this process, from where it ended when the
 * first of them came. It decodes what somebody wants, once, and gives it to the channels. Its
 * positions say how far it is: whoever hears it has everything before them. When it has to wait for
 * its turn it falls behind; later than it may be it goes on with the present. What it leaves out by
 * that, and what Kafka took away before it was read, is told as a gap.
 */
import type { KafkaRecord, Loss, PartitionRange, Portion } from "../delivery/topic-reader.ts";
import {
  LIVE_FEED_FAILURES_MAX,
  LIVE_QUESTION_TIMEOUT_MS,
  LIVE_PORTION_RECORDS,
  LIVE_SLICE_BYTES,
  LIVE_SLICE_DELIVERIES,
  LIVE_SLICE_MS,
} from "../limits.ts";
import type { Clock } from "../lib/clock.ts";
import type { RecordValue, ValueDecoder } from "../schema/value-decoder.ts";
import type { Allowance } from "./allowance.ts";
import { Channels } from "./channels.ts";
import type { Channel } from "./channels.ts";
import { eventFrame, textOf } from "./frames.ts";
import type { LiveFrame } from "./frames.ts";
import { Lateness } from "./lateness.ts";
import { originOf } from "./origin.ts";
import type { Origin } from "./origin.ts";
import type { Range } from "./passage.ts";

/** The part of a topic's reader that is used here. */
export interface RecordSource {
  readonly ranges: readonly { readonly partition: number; readonly high: number }[];
  offsetsAt(timeMs: number): Promise<ReadonlyMap<number, number>>;
  assign(starts: ReadonlyMap<number, number>): void;
  take(recordsMax: number): Promise<Portion>;
  /** By partition, where it ended when Kafka was last heard of it. */
  knownEnds(): ReadonlyMap<number, number>;
  /** What there is of each partition. */
  rangesNow(timeoutMs: number): Promise<readonly PartitionRange[]>;
  /** Partitions that have come since. */
  findNew(timeoutMs: number): Promise<readonly PartitionRange[]>;
  close(): Promise<void>;
}

/** What became of a record, for the metrics. */
export type RecordFate = "delivered" | "unwanted" | "foreign";

export interface FeedParts {
  readonly decoder: ValueDecoder;
  readonly allowance: Allowance;
  readonly clock: Clock;
  /** What came so long ago has been told, or is a gap. */
  readonly latestMs: number;
  /** To everybody who listens on the channel. */
  readonly publish: (channel: string, frame: LiveFrame) => void;
  readonly onRecord: (fate: RecordFate) => void;
  readonly onDeliveries: (count: number) => void;
  /** Before the records of a slice: a look at who does not keep up. */
  readonly onSlice: (feed: Feed) => void;
  /** Before the positions move over it: nobody will be told these. How many frames it was. */
  readonly onGap: (feed: Feed, partition: number, range: Range) => number;
  /** The topic cannot be read any more. */
  readonly onFailure: (feed: Feed, reason: string) => void;
}

/** Between two looks for records, while there are none. */
const LOOK_MS_MIN = 4;
const LOOK_MS_MAX = 20;
const FAILURE_WAIT_MS = 1_000;

/** Sees a record of the topic; no bytes of it may be changed. */
export type Onlooker = (record: KafkaRecord, origin: Origin) => void;

export class Feed {
  readonly topic: string;
  readonly channels: Channels;
  /** By partition, the next offset. */
  readonly positions = new Map<number, number>();
  readonly #parts: FeedParts;
  readonly #source: RecordSource;
  /** Who looks at every record as it passes, whoever wants it. */
  readonly onlookers = new Set<Onlooker>();
  /** Found, and not told yet. */
  #added: PartitionRange[] = [];
  /** Channels of the slice that is being done: their listeners are written to at its end. */
  readonly #written = new Set<Channel>();
  readonly #lateness: Lateness;
  #isTooLate = false;
  #isOver = false;

  constructor(parts: FeedParts, topic: string, source: RecordSource) {
    this.#parts = parts;
    this.#lateness = new Lateness(parts.latestMs);
    this.topic = topic;
    this.#source = source;
    this.channels = new Channels(topic);
    for (const { partition, high } of source.ranges) this.positions.set(partition, high);
    source.assign(this.positions);
  }

  /** Reads until it is stopped. Never rejects. */
  async run(): Promise<void> {
    let lookMs = LOOK_MS_MIN;
    let failures = 0;
    while (!this.#isOver) {
      const portion = await this.#source.take(LIVE_PORTION_RECORDS).catch(reasonOf);
      if (typeof portion === "string") {
        failures += 1;
        lookMs = FAILURE_WAIT_MS;
        if (failures >= LIVE_FEED_FAILURES_MAX) this.#fail(portion);
      } else {
        failures = 0;
        lookMs = portion.records.length > 0 ? 0 : Math.min(LOOK_MS_MAX, lookMs + LOOK_MS_MIN);
        // What was taken and not told is lost here: whoever is here has to come again.
        await this.#takePortion(portion).catch((error: unknown) => this.#fail(reasonOf(error)));
      }
      this.#takeAdded();
      if (this.#isTooLate && !this.#isOver) {
        // A Kafka that does not say is asked again; until then nothing is left out.
        await this.#goOnWithThePresent().catch(() => this.#source.assign(this.positions));
      }
      if (lookMs > 0 && !this.#isOver) await this.#wait(lookMs);
    }
    await this.#source.close();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Asks whether the topic has got partitions, which are told from their first record on. */
  async lookForPartitions(): Promise<void> {
    // A Kafka that does not say is asked again.
    const added = await this.#source.findNew(LIVE_QUESTION_TIMEOUT_MS).catch(() => []);
    this.#added.push(...added);
  }

  /** Now and then: whether it is later than it may be. */
  lookWhetherLate(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const ends = this.#source.knownEnds();
    this.#isTooLate = this.#lateness.isTooLate(nowMs, this.positions, ends);
  }

  async #goOnWithThePresent(): Promise<void> {
    const ranges = await this.#source.rangesNow(LIVE_QUESTION_TIMEOUT_MS);
    const slice = await this.#parts.allowance.turn("present");
    let frames = 0;
    for (const { partition, high } of ranges) {
      const from = this.positions.get(partition) ?? high;
      if (high > from) frames += this.#leaveOut(partition, { from, to: high, reason: "behind" });
    }
    this.#source.assign(this.positions);
    this.#lateness.forget();
    this.#isTooLate = false;
    slice.end(frames);
  }

  /** How many frames it was. */
  #leaveOut(partition: number, range: Range): number {
    const frames = this.#parts.onGap(this, partition, range);
    this.positions.set(partition, range.reason === "reset" ? range.from : range.to);
    return frames;
  }

  async #lose({ partition, from, to, reason }: Loss): Promise<void> {
    const slice = await this.#parts.allowance.turn("present");
    slice.end(this.#leaveOut(partition, { from, to, reason }));
  }

  /** Between two portions, when the positions say what has been taken. */
  #takeAdded(): void {
    const added = this.#added;
    if (added.length === 0 || this.#isOver) return;
    this.#added = [];
    for (const { partition, low } of added) {
      this.positions.set(partition, low);
      for (const joiner of this.channels.joiners()) joiner.added(partition, low);
    }
    this.#source.assign(this.positions);
  }

  /** Rejects where Kafka does not say. */
  offsetsAt(timeMs: number): Promise<ReadonlyMap<number, number>> {
    return this.#source.offsetsAt(timeMs);
  }

  stop(): void {
    this.#isOver = true;
  }

  #fail(reason: string): void {
    if (!this.#isOver) this.#parts.onFailure(this, reason);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.clock.after(ms, resolve, { keepAlive: true });
    });
  }

  async #takePortion({ loss, records, ends }: Portion): Promise<void> {
    const { allowance, clock, onSlice } = this.#parts;
    if (loss !== null) await this.#lose(loss);
    let index = 0;
    while (index < records.length) {
      const slice = await allowance.turn("present");
      onSlice(this);
      const endMs = clock.monotonicMs() + LIVE_SLICE_MS;
      let left = { deliveries: LIVE_SLICE_DELIVERIES, bytes: LIVE_SLICE_BYTES };
      this.#written.clear();
      while (left.deliveries > 0 && left.bytes > 0 && clock.monotonicMs() < endMs) {
        const record = records[index];
        if (record === undefined || this.#isOver) break;
        index += 1;
        const told = this.#tell(record);
        const { deliveries, bytes } = told instanceof Promise ? await told : told;
        left = { deliveries: left.deliveries - deliveries, bytes: left.bytes - bytes };
      }
      let writes = 0;
      for (const { listeners } of this.#written) writes += listeners;
      slice.end(writes);
      // What is left of the portion is read again, or is a gap.
      if (this.#isOver || this.#isTooLate) return;
    }
    for (const { partition, offset } of ends) {
      if (offset > (this.positions.get(partition) ?? 0)) this.positions.set(partition, offset);
    }
  }

  /** Gives a record to whom it may concern; what that was. */
  #tell(record: KafkaRecord): Told | Promise<Told> {
    const origin = originOf(record);
    if (origin === null) return this.#passed(record, "foreign");
    for (const look of this.onlookers) look(record, origin);
    const { tenant, type } = origin;
    const key = (): string | null => (record.key === null ? null : textOf(record.key));
    const channels = this.channels.of(tenant, type, key);
    if (channels.length === 0) return this.#passed(record, "unwanted");
    const value = this.#parts.decoder.decode(record.value);
    if (!(value instanceof Promise)) return this.#publish({ record, origin, channels }, value);
    // While a schema is fetched somebody may come or go.
    return value.then((decoded) =>
      this.#publish({ record, origin, channels: this.channels.of(tenant, type, key) }, decoded),
    );
  }

  #passed({ partition, offset }: KafkaRecord, fate: RecordFate): Told {
    this.positions.set(partition, offset + 1);
    this.#parts.onRecord(fate);
    return NOTHING;
  }

  #publish({ record, origin, channels }: Wanted, value: RecordValue): Told {
    const { topic, partition, offset } = record;
    const frame = eventFrame(record, origin, value);
    const fields = lazyFields(value);
    let deliveries = 0;
    for (const channel of channels) {
      const { filter, listeners, joiners, name } = channel;
      if (filter !== null && !filter.passes(fields())) continue;
      if (listeners > 0) this.#parts.publish(name, frame);
      this.#written.add(channel);
      deliveries += listeners;
      for (const joiner of joiners) joiner.offer({ topic, partition, offset }, frame);
    }
    this.positions.set(partition, offset + 1);
    this.#parts.onRecord(deliveries > 0 ? "delivered" : "unwanted");
    this.#parts.onDeliveries(deliveries);
    return { deliveries, bytes: deliveries > 0 ? frame.text.length : 0 };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Wanted {
  readonly record: KafkaRecord;
  readonly origin: Origin;
  readonly channels: readonly Channel[];
}

interface Told {
  readonly deliveries: number;
  readonly bytes: number;
}

const NOTHING: Told = { deliveries: 0, bytes: 0 };

/** The fields of a value, parsed when the first filter asks for them. */
export function lazyFields(value: RecordValue): () => unknown {
  let fields: { readonly parsed: unknown } | null = null;
  return () => {
    // Decoded JSON is sound.
    fields ??= { parsed: value.kind === "avro" ? JSON.parse(value.json) : null };
    return fields.parsed;
  };
}
