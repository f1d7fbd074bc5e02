/**
 * Where records enter: each row of a submission is refused, or copied into the queue of its lane
 * (of its destination, as long as the partitions are not known). Per row: no object, no closure.
 */
import type { OutcomeCode } from "../errors.ts";
import { SEGMENT_BYTES } from "../limits.ts";
import type { RecordTable } from "../records.ts";
import type { Budget } from "./budget.ts";
import type { DeliveryClock } from "./clock.ts";
import type { DeadLetter, DeliverySink, Submission } from "./delivery.ts";
import type { Destination, Destinations } from "./destinations.ts";
import type { Lane } from "./lane.ts";
import { murmur2 } from "./murmur2.ts";
import { RecordQueue, type RowsOfOne } from "./record-queue.ts";
import type { LetterHeaders, RecordPlace, RecordSource, SegmentPool } from "./record-segment.ts";
import type { Refusals } from "./refusals.ts";

const NO_BYTES = new Uint8Array(0);

export interface IntakeOptions {
  readonly budget: Budget;
  readonly pool: SegmentPool;
  readonly lanes: readonly Lane[];
  readonly destinations: Destinations;
  readonly refusals: Refusals;
  readonly clock: DeliveryClock;
  /** No queue may hold more: a lane that hangs must leave room for the others. */
  readonly queueEventsMax: number;
  readonly queueBytesMax: number;
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
  #isClosed = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  submit(table: RecordTable, submission: Submission): void {
    const { lanes, refusals, budget } = this.#options;
    const { topics, indexBase, sink } = submission;
    const group = this.#newGroup(sink);
    const refused = this.#refusal();
    this.#source.memory = table.memory;
    // A whole number: failure reports are recognised by it.
    this.#place.timestampMs = Math.trunc(submission.timestampMs);
    for (let row = 0; row < table.count; row += 1) {
      const topic = topics[row] ?? -1;
      if (topic < 0) continue;
      this.#place.topic = topic;
      this.#place.index = indexBase + row;
      this.#point(table, row);
      const code = refused ?? this.#accept(group);
      if (code !== null) refusals.add(sink, code, indexBase + row);
    }
    budget.judge();
    for (const lane of lanes) lane.wake();
  }

  /** False: no room, too large or closed; the sink hears nothing. */
  deadLetter(letter: DeadLetter, sink: DeliverySink): boolean {
    const { key, value, headers } = letter;
    const keyBytes = key?.length ?? 0;
    if (this.#refusal() !== null || value.length + keyBytes > SEGMENT_BYTES) return false;
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
    const code = this.#accept(this.#newGroup(sink), headers);
    if (code !== null) this.#options.refusals.add(sink, code, letter.index);
    this.#options.budget.judge();
    for (const lane of this.#options.lanes) lane.wake();
    return true;
  }

  /** The partitions of this destination are known: what waited for them goes its way. */
  release(destination: Destination): void {
    const queue = destination.waiting;
    if (queue === null) return;
    destination.waiting = null;
    let group: RowsOfOne | null = null;
    queue.moveAll((segment, row, rows) => {
      if (group?.sink !== rows.sink || group.acceptedAtMs !== rows.acceptedAtMs) {
        group = this.#newGroup(rows.sink, rows.acceptedAtMs);
      }
      segment.locate(row, this.#source);
      const place = this.#place;
      place.topic = destination.number;
      place.keyHash = segment.keyHash[row] ?? 0;
      place.timestampMs = segment.timestampMs[row] ?? 0;
      place.index = segment.index[row] ?? 0;
      const code = this.#append(destination, group, segment.letters?.get(row));
      if (code !== null) this.#options.refusals.add(group.sink, code, place.index);
    });
    for (const lane of this.#options.lanes) lane.wake();
  }

  /** Nothing is taken any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** The outcome of everything that comes now; null: it is welcome. */
  #refusal(): OutcomeCode | null {
    if (this.#isClosed) return "kafka_unavailable";
    return this.#options.budget.level === "hard" ? "overloaded" : null;
  }

  #accept(group: RowsOfOne, letter?: LetterHeaders): OutcomeCode | null {
    const { destinations } = this.#options;
    const destination = destinations.get(this.#place.topic);
    if (destination.status === "known") return this.#append(destination, group, letter);
    if (destination.status !== "unknown") return "destination_unavailable";
    destination.waiting ??= new RecordQueue(this.#options.pool, this.#options.budget);
    return this.#put(destination.waiting, group, letter);
  }

  #append(
    destination: Destination,
    group: RowsOfOne,
    letter: LetterHeaders | undefined,
  ): OutcomeCode | null {
    const { destinations } = this.#options;
    const place = this.#place;
    const hasKey = this.#source.keyEnd > this.#source.keyStart;
    place.partition = hasKey
      ? place.keyHash % destination.partitions
      : destinations.keylessPartition(destination);
    return this.#put(destinations.laneOf(destination, place.partition).queue, group, letter);
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

  #newGroup(sink: DeliverySink, acceptedAtMs?: number): RowsOfOne {
    this.#groups += 1;
    return {
      number: this.#groups,
      sink,
      acceptedAtMs: acceptedAtMs ?? this.#options.clock.monotonicMs(),
    };
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
