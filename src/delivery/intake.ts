/**
 * Where records enter: each row of a submission is refused, or copied into the queue of its lane
 * (of its destination, as long as the partitions are not known). Per row: no object, no closure.
 */
import type { OutcomeCode } from "../errors.ts";
import { SEGMENT_BYTES } from "../limits/delivery.ts";
import type { RecordTable } from "../records.ts";
import type { Budget } from "./budget.ts";
import type { DeliveryClock } from "./clock.ts";
import type { DeadLetter, DeliverySink, Submission } from "./delivery.ts";
import type { Destination, Destinations } from "./destinations.ts";
import type { Lane } from "./lane.ts";
import { murmur2 } from "./murmur2.ts";
import { RecordQueue, type RowsOfOne } from "./record-queue.ts";
import type {
  LetterHeaders,
  RecordPlace,
  RecordSegment,
  RecordSource,
  RowGroup,
  SegmentPool,
} from "./record-segment.ts";
import type { Refusals } from "./refusals.ts";
import type { Sidings } from "./sidings.ts";

const NO_BYTES = new Uint8Array(0);

export interface IntakeOptions {
  readonly budget: Budget;
  readonly pool: SegmentPool;
  readonly sidings: Sidings;
  readonly destinations: Destinations;
  readonly refusals: Refusals;
  readonly clock: DeliveryClock;
  /** No queue may hold more: a lane that hangs must leave room for the others. */
  readonly queueEventsMax: number;
  readonly queueBytesMax: number;
  /**
   * Nor all sidings together while Kafka is there: records for partitions that stall leave room for
   * the others.
   */
  readonly sidingsEventsMax: number;
  readonly sidingsBytesMax: number;
  readonly isKafkaThere: () => boolean;
}

export class Intake {
  readonly #options: IntakeOptions;
  /** Filled anew for every row. */
  readonly #source: RecordSource = {
    memory: NO_BYTES,
    valueStart: 0,
    valueEnd: 0,
    keyStart: 0,
    keyEnd: 0,
    headerStart: 0,
    headerEnd: 0,
  };
  readonly #place: RecordPlace = { topic: 0, partition: 0, keyHash: 0, timestampMs: 0, index: 0 };
  #groups = 0;
  /** What came last: more for the same sink belongs to the same group. */
  #latest: RowsOfOne | null = null;
  #isClosed = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  submit(table: RecordTable, submission: Submission): void {
    const { refusals, budget } = this.#options;
    const { topics, indexBase, sink, tenant } = submission;
    const isMore = this.#latest?.sink === sink && this.#latest.tenant === tenant;
    const group = isMore && this.#latest !== null ? this.#latest : this.#newGroup({ sink, tenant });
    const refused = this.#refusal(tenant);
    this.#source.memory = table.memory;
    // A whole number: failure reports are recognised by it.
    this.#place.timestampMs = Math.trunc(submission.timestampMs);
    for (let row = 0; row < table.count; row += 1) {
      const topic = topics[row] ?? -1;
      if (topic < 0) continue;
      this.#place.topic = topic;
      this.#place.index = indexBase + row;
      this.#point(table, row);
      const code = refused ?? this.#accept(group, submission.headers?.(row));
      if (code !== null) refusals.add(sink, code, indexBase + row);
    }
    budget.judge();
    this.#wake();
  }

  /** False: no room, too large or closed; the sink hears nothing. */
  deadLetter(letter: DeadLetter, sink: DeliverySink): boolean {
    const { key, value, headers, tenant } = letter;
    const keyBytes = key?.length ?? 0;
    if (this.#refusal(tenant) !== null || value.length + keyBytes > SEGMENT_BYTES) return false;
    const memory = new Uint8Array(value.length + keyBytes);
    memory.set(value);
    if (key !== null) memory.set(key, value.length);
    const source = this.#source;
    source.memory = memory;
    source.valueStart = 0;
    source.valueEnd = value.length;
    source.keyStart = value.length;
    source.keyEnd = memory.length;
    source.headerStart = 0;
    source.headerEnd = 0;
    const place = this.#place;
    place.topic = this.#options.destinations.register(letter.topic).number;
    place.index = letter.index;
    place.keyHash = keyBytes > 0 && key !== null ? murmur2(key) : 0;
    place.timestampMs = this.#options.clock.wallMs();
    const code = this.#accept(this.#newGroup({ sink, tenant }), headers);
    if (code !== null) this.#options.refusals.add(sink, code, letter.index);
    this.#options.budget.judge();
    this.#wake();
    return true;
  }

  /** The partitions of this destination are known: what waited for them goes its way. */
  release(destination: Destination): void {
    const queue = destination.waiting;
    if (queue === null) return;
    destination.waiting = null;
    const reopen = this.#groupsOf();
    queue.moveAll((segment, row, rows) => {
      this.#pointTo(segment, row);
      this.#place.topic = destination.number;
      this.#placed(
        rows.sink,
        this.#append(destination, reopen(rows), this.#lettersOf(segment, row)),
      );
    });
    this.#wake();
  }

  /** What waits in this lane for partitions that take another one now goes there. */
  sendOn(from: Lane): void {
    const { destinations, sidings } = this.#options;
    const reopen = this.#groupsOf();
    const laneOf = (segment: RecordSegment, row: number): Lane =>
      sidings.laneOf(destinations.get(segment.topic[row] ?? -1), segment.partition[row] ?? 0);
    from.queue.moveWaiting(
      (segment, row) => laneOf(segment, row) !== from,
      (segment, row, rows) => {
        this.#pointTo(segment, row);
        this.#place.topic = segment.topic[row] ?? 0;
        this.#place.partition = segment.partition[row] ?? 0;
        const lane = laneOf(segment, row);
        this.#placed(rows.sink, this.#put(lane.queue, reopen(rows), this.#lettersOf(segment, row)));
      },
    );
    this.#wake();
  }

  #wake(): void {
    for (const lane of this.#options.sidings.all) lane.wake();
  }

  /** Turns the groups rows had in one queue into new ones for the queues they go to. */
  #groupsOf(): (rows: RowGroup) => RowsOfOne {
    let group: RowsOfOne | null = null;
    return (rows) => {
      if (group?.sink !== rows.sink || group.acceptedAtMs !== rows.acceptedAtMs) {
        group = this.#newGroup(rows);
      }
      return group;
    };
  }

  /** Source and place become those of a row that lies in another queue. */
  #pointTo(segment: RecordSegment, row: number): void {
    segment.locate(row, this.#source);
    const place = this.#place;
    place.keyHash = segment.keyHash[row] ?? 0;
    place.timestampMs = segment.timestampMs[row] ?? 0;
    place.index = segment.index[row] ?? 0;
  }

  #lettersOf(segment: RecordSegment, row: number): LetterHeaders | undefined {
    return segment.letters?.get(row);
  }

  /** A row that was accepted before and finds no room where it goes is refused. */
  #placed(sink: DeliverySink, code: OutcomeCode | null): void {
    if (code !== null) this.#options.refusals.add(sink, code, this.#place.index);
  }

  /** Nothing is taken any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** The outcome of everything that comes now; null: it is welcome. */
  #refusal(tenant: number): OutcomeCode | null {
    if (this.#isClosed) return "kafka_unavailable";
    return this.#options.budget.isFullFor(tenant) ? "overloaded" : null;
  }

  #accept(group: RowsOfOne, letter?: LetterHeaders): OutcomeCode | null {
    const { destinations } = this.#options;
    const destination = destinations.get(this.#place.topic);
    if (destination.status === "known") return this.#append(destination, group, letter);
    if (destination.status !== "unknown") return "destination_unavailable";
    destination.waiting ??= new RecordQueue(this.#options.pool, this.#options.budget);
    return this.#put(destination.waiting, group, letter);
  }

  /** No more is taken for sidings: their partitions take long, and the budget is everybody's. */
  get #areSidingsFull(): boolean {
    const { sidings, sidingsEventsMax, sidingsBytesMax } = this.#options;
    let events = 0;
    let bytes = 0;
    for (const { queue } of sidings.sidings) {
      events += queue.events;
      bytes += queue.bytes;
    }
    const isOver = events >= sidingsEventsMax || bytes >= sidingsBytesMax;
    return isOver && this.#options.isKafkaThere();
  }

  #append(
    destination: Destination,
    group: RowsOfOne,
    letter: LetterHeaders | undefined,
  ): OutcomeCode | null {
    const { destinations, sidings } = this.#options;
    const place = this.#place;
    const hasKey = this.#source.keyEnd > this.#source.keyStart;
    place.partition = hasKey
      ? place.keyHash % destination.partitions
      : destinations.keylessPartition(destination);
    const lane = sidings.laneOf(destination, place.partition);
    if (sidings.sidings.has(lane) && this.#areSidingsFull) return "overloaded";
    return this.#put(lane.queue, group, letter);
  }

  #put(
    queue: RecordQueue,
    group: RowsOfOne,
    letter: LetterHeaders | undefined,
  ): OutcomeCode | null {
    const { queueEventsMax, queueBytesMax } = this.#options;
    if (queue.events >= queueEventsMax || queue.bytes >= queueBytesMax) return "overloaded";
    queue.openGroup(group);
    return queue.append(this.#source, this.#place, letter) ? null : "overloaded";
  }

  #newGroup(rows: {
    readonly sink: DeliverySink;
    readonly tenant: number;
    readonly acceptedAtMs?: number;
  }): RowsOfOne {
    this.#groups += 1;
    const { sink, tenant, acceptedAtMs = this.#options.clock.monotonicMs() } = rows;
    this.#latest = { number: this.#groups, sink, tenant, acceptedAtMs };
    return this.#latest;
  }

  #point(table: RecordTable, row: number): void {
    const source = this.#source;
    source.valueStart = table.valueStart[row] ?? 0;
    source.valueEnd = table.valueEnd[row] ?? 0;
    source.keyStart = table.keyStart[row] ?? 0;
    source.keyEnd = table.keyEnd[row] ?? 0;
    source.headerStart = table.headerStart[row] ?? 0;
    source.headerEnd = table.headerEnd[row] ?? 0;
    this.#place.keyHash = table.keyHash[row] ?? 0;
  }
}
