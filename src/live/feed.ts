/**
 * One topic, read once for all of its subscribers in this process, from where it ended when the
 * first of them came. It decodes what somebody wants, once, and gives it to the channels. Its
 * positions say how far it is: whoever hears it has everything before them. When it has to wait for
 * its turn it falls behind; later than it may be it goes on with the present. What it leaves out by
 * that, and what Kafka took away before it was read, is told as a gap.
 */
import type { KafkaRecord, PartitionRange, Portion } from "../delivery/topic-reader.ts";
import {
  LIVE_FEED_FAILURES_MAX,
  LIVE_QUESTION_TIMEOUT_MS,
  LIVE_PORTION_RECORDS,
  LIVE_SLICE_BYTES,
  LIVE_SLICE_MS,
  LIVE_TURN_BYTES,
  LIVE_WRITE_BYTES,
} from "../limits/live.ts";
import type { Clock } from "../lib/clock.ts";
import { SharedQuestion } from "../lib/shared-question.ts";
import type { RecordValue, ValueDecoder } from "../schema/value-decoder.ts";
import type { Allowance } from "./allowance.ts";
import { Channels, roomName } from "./channels.ts";
import type { Channel, Room } from "./channels.ts";
import { eventFrame, textOf } from "./frames.ts";
import type { LiveFrame } from "./frames.ts";
import { itemOf, lazyFields, passes } from "./item.ts";
import type { Item } from "./item.ts";
import { mustLook, shardsOf } from "./wanted.ts";
import type { Wanted } from "./wanted.ts";
import { Lateness } from "./lateness.ts";
import type { Origin } from "./origin.ts";
import type { Range } from "./passage.ts";

/** The part of a topic's reader that is used here. */
export interface RecordSource {
  readonly ranges: readonly { readonly partition: number; readonly high: number }[];
  offsetsAt(timeMs: number): Promise<ReadonlyMap<number, number>>;
  /** By partition, where it ends at some moment after the question. */
  endsNow(): Promise<ReadonlyMap<number, number>>;
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
  /** How many shards of subscribers there are; it never falls. */
  readonly shards: () => number;
  /** So much may be told to a room between two looks at who does not keep up. */
  readonly unlookedBytes: () => number;
  /** Such a look. All that was published before has been written, or waits in the buffers. */
  readonly beforeShard: (feed: Feed, shard: number) => void;
  /** Before a shard moves over them: nobody there will be told these. How many hear it. */
  readonly onGap: (feed: Feed, left: { shard: number; gaps: readonly LeftOut[] }) => number;
  /** The topic cannot be read any more. */
  readonly onFailure: (feed: Feed, reason: string) => void;
}

/** Offsets of a partition that are not told. */
export interface LeftOut extends Range {
  readonly partition: number;
}

/** Between two looks for records, while there are none. */
const LOOK_MS_MIN = 4;
const LOOK_MS_MAX = 20;
const FAILURE_WAIT_MS = 1_000;

/** Sees a record of the topic; no bytes of it may be changed. */
export type Onlooker = (record: KafkaRecord, origin: Origin) => void;

export interface Waiting {
  tryLive(): void;
}

export class Feed {
  readonly topic: string;
  readonly channels: Channels;
  /** By partition, the next offset: everything before was told to everybody. */
  readonly positions = new Map<number, number>();
  /** While a batch is told: where those shards are that have been told, and how many these are. */
  readonly #ahead = new Map<number, number>();
  #shardsTold = 0;
  readonly #parts: FeedParts;
  readonly #source: RecordSource;
  /** Who looks at every record as it passes, whoever wants it. */
  readonly onlookers = new Set<Onlooker>();
  /** Who waits until it is somewhere: told each time that it has gone on. */
  readonly waiting = new Set<Waiting>();
  readonly #ends: SharedQuestion<ReadonlyMap<number, number>>;
  /** Found, and not told yet. */
  #added: PartitionRange[] = [];
  readonly #lateness: Lateness;
  #isTooLate = false;
  #isOver = false;

  constructor(parts: FeedParts, topic: string, source: RecordSource) {
    this.#parts = parts;
    this.#lateness = new Lateness(parts.latestMs);
    this.topic = topic;
    this.#source = source;
    this.#ends = new SharedQuestion(() => source.endsNow());
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
    const gaps = ranges.flatMap(({ partition, high: to }) => {
      const from = this.positions.get(partition) ?? to;
      return to > from ? [{ partition, from, to, reason: "behind" } as const] : [];
    });
    await this.#leaveOut(gaps);
    this.#source.assign(this.positions);
    this.#lateness.forget();
    this.#isTooLate = false;
  }

  /** One shard after the other is told, some of them in a turn. */
  async #leaveOut(gaps: readonly LeftOut[]): Promise<void> {
    const { allowance, clock, shards, onGap } = this.#parts;
    this.#goAhead();
    for (const { partition, from, to, reason } of gaps) {
      this.#ahead.set(partition, reason === "reset" ? from : to);
    }
    while (this.#shardsTold < shards()) {
      const slice = await allowance.turn("present");
      const endMs = clock.monotonicMs() + LIVE_SLICE_MS;
      if (this.#isOver) return;
      let writes = 0;
      while (this.#shardsTold < shards() && writes * LIVE_WRITE_BYTES < LIVE_TURN_BYTES) {
        writes += onGap(this, { shard: this.#shardsTold, gaps });
        this.#shardsTold += 1;
        if (clock.monotonicMs() >= endMs) break;
      }
      slice.end(writes);
    }
    this.#arriveAhead();
  }

  /** Shard by shard it is told what follows. */
  #goAhead(): void {
    for (const [partition, position] of this.positions) this.#ahead.set(partition, position);
  }

  /** All shards have been told. */
  #arriveAhead(): void {
    for (const [partition, position] of this.#ahead) this.positions.set(partition, position);
    this.#shardsTold = 0;
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

  /** By partition, where the topic ends now, told or not. Rejects where Kafka does not say. */
  endsNow(): Promise<ReadonlyMap<number, number>> {
    return this.#ends.ask();
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

  /** Where those of a shard are: all before it was told to them, nothing after it. */
  positionsOf(shard: number): ReadonlyMap<number, number> {
    return shard < this.#shardsTold ? this.#ahead : this.positions;
  }

  async #takePortion({ loss, records, ends }: Portion): Promise<void> {
    if (loss !== null) await this.#leaveOut([loss]);
    if (this.#isOver) return;
    let index = 0;
    while (index < records.length) {
      const batch = await this.#read(records, index);
      index += batch.length;
      await this.#tell(batch);
      for (const view of this.waiting) view.tryLive();
      // What is left of the portion is read again, or is a gap.
      if (this.#isOver || this.#isTooLate) return;
    }
    for (const { partition, offset } of ends) {
      if (offset > (this.positions.get(partition) ?? 0)) this.positions.set(partition, offset);
    }
    for (const view of this.waiting) view.tryLive();
  }

  /** As many records as fit a slice; what is wanted of them is decoded. */
  async #read(records: readonly KafkaRecord[], from: number): Promise<readonly Item[]> {
    const { allowance, clock } = this.#parts;
    const slice = await allowance.turn("present");
    const endMs = clock.monotonicMs() + LIVE_SLICE_MS;
    const batch: Item[] = [];
    let bytesLeft = LIVE_SLICE_BYTES;
    while (bytesLeft > 0 && (batch.length === 0 || clock.monotonicMs() < endMs)) {
      const record = records[from + batch.length];
      if (record === undefined) break;
      const item = itemOf(record);
      batch.push(item);
      if (item.origin !== null) for (const look of this.onlookers) look(record, item.origin);
      const decoding = this.#decodeIfWanted(item);
      if (decoding !== null) await decoding;
      bytesLeft -= item.told?.frame.text.length ?? 0;
    }
    slice.end(0);
    return batch;
  }

  #channelsOf({ origin, record: { key } }: Item): readonly Channel[] {
    if (origin === null) return [];
    return this.channels.of(origin.tenant, origin.type, () => (key === null ? null : textOf(key)));
  }

  /** A promise where a schema has to be fetched. */
  #decodeIfWanted(item: Item): Promise<void> | null {
    const { record, origin } = item;
    if (origin === null || item.told !== null || this.#channelsOf(item).length === 0) return null;
    const take = (value: RecordValue): void => {
      const frame = eventFrame(record, origin, value);
      item.told = { frame, fields: lazyFields(value), passing: new Map() };
    };
    const value = this.#parts.decoder.decode(record.value);
    if (value instanceof Promise) return value.then(take);
    take(value);
    return null;
  }

  /** Gives a batch to one shard after the other, some of them in a turn. */
  async #tell(batch: readonly Item[]): Promise<void> {
    const { allowance, clock, onRecord, beforeShard, unlookedBytes } = this.#parts;
    this.#goAhead();
    for (const { record } of batch) this.#ahead.set(record.partition, record.offset + 1);
    while (shardsOf(this.#wanted(batch), this.#shardsTold).length > 0) {
      const slice = await allowance.turn("present");
      const endMs = clock.monotonicMs() + LIVE_SLICE_MS;
      await this.#decodeAllWanted(batch);
      if (this.#isOver) return;
      const wanted = this.#wanted(batch);
      const sum = { writes: 0, bytes: 0 };
      for (const shard of shardsOf(wanted, this.#shardsTold)) {
        if (mustLook(wanted, { shard, bytesMax: unlookedBytes() })) beforeShard(this, shard);
        this.#tellShard(wanted, shard, sum);
        // Between its last word to the shard and this, nothing else has happened.
        this.#shardsTold = shard + 1;
        if (sum.writes * LIVE_WRITE_BYTES + sum.bytes >= LIVE_TURN_BYTES) break;
        if (clock.monotonicMs() >= endMs) break;
      }
      slice.end(sum.writes);
    }
    this.#arriveAhead();
    for (const { origin, deliveries } of batch) {
      onRecord(origin === null ? "foreign" : deliveries > 0 ? "delivered" : "unwanted");
    }
  }

  /** What is wanted of a batch, at this moment. */
  #wanted(batch: readonly Item[]): readonly Wanted[] {
    return batch.flatMap((item) => {
      const channels = this.#channelsOf(item);
      return channels.length === 0 ? [] : [{ item, channels }];
    });
  }

  /** Somebody may have come while the batch is told, or while a schema was fetched. */
  async #decodeAllWanted(batch: readonly Item[]): Promise<void> {
    for (;;) {
      const decodings = batch.flatMap((item) => this.#decodeIfWanted(item) ?? []);
      if (decodings.length === 0) return;
      await Promise.all(decodings);
    }
  }

  /** Adds to the sum what that leaves to be written. */
  #tellShard(
    wanted: readonly Wanted[],
    shard: number,
    sum: { writes: number; bytes: number },
  ): void {
    const { publish, onDeliveries } = this.#parts;
    const { topic } = this;
    const written = new Set<Room>();
    let deliveries = 0;
    for (const { item, channels } of wanted) {
      const { record, told } = item;
      if (told === null) continue;
      const { partition, offset } = record;
      const { length } = told.frame.text;
      for (const channel of channels) {
        const room = channel.rooms.get(shard);
        if (room === undefined || !passes(told, channel)) continue;
        written.add(room);
        room.bytes += length;
        item.deliveries += room.listeners;
        deliveries += room.listeners;
        sum.bytes += length * (room.listeners + room.joiners.size);
        if (room.listeners > 0) publish(roomName(channel, shard), told.frame);
        for (const joiner of room.joiners) joiner.offer({ topic, partition, offset }, told.frame);
      }
    }
    onDeliveries(deliveries);
    for (const { listeners, joiners } of written) sum.writes += listeners + joiners.size;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
