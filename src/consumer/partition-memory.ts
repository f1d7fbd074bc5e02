/**
 * What the deduplicator remembers, by partition: windows of streams, the least recently heard of
 * leaving first, and the last ids of events without a stream. It can be taken out and put back. It
 * decides nothing.
 */
import { STREAM_INFLIGHT_EVENTS_MAX } from "../limits/streams.ts";
import { SeqWindow } from "./seq-window.ts";

export interface StreamMemory {
  readonly window: SeqWindow;
  /**
   * Numbers from here on were all seen if they were there. Those below may have been stored before
   * anybody looked: when the first one seen was stored, its stream had no more unanswered than its
   * credit, so none above it by more than that was there.
   */
  readonly since: number;
  /** The highest one seen. */
  epoch: number;
}

interface Partition {
  readonly topic: string;
  readonly partition: number;
}

/** One partition's memory as plain JSON. */
export interface PartitionState extends Partition {
  readonly version: 1;
  /** Nothing of this partition was missed or forgotten. */
  readonly complete: boolean;
  /** Stream, epoch, since, ranges of numbers seen. The longest unheard of comes first. */
  readonly streams: readonly (readonly [string, number, number, [number, number][]])[];
  /** The oldest comes first. */
  readonly ids: readonly string[];
}

export interface MemoryOptions {
  readonly streamsMax: number;
  readonly windowSeqs: number;
  readonly idsMax: number;
  readonly fromBeginning: boolean;
}

export interface FoundStream {
  readonly memory: StreamMemory;
  /** It was not known before. */
  readonly isNew: boolean;
  /** Nothing of its partition was missed or forgotten. */
  readonly isComplete: boolean;
}

/** Neither topics nor streams nor ids in JSON hold a line feed. */
const SEPARATOR = "\n";

export class PartitionMemory {
  readonly #options: MemoryOptions;
  /** In the order in which they were last heard of. */
  readonly #streams = new Map<string, StreamMemory>();
  readonly #ids = new Set<string>();
  /** Partitions of which it is known whether something was missed. */
  readonly #complete = new Map<string, boolean>();
  #streamsForgotten = 0;

  constructor(options: MemoryOptions) {
    this.#options = options;
  }

  get streams(): number {
    return this.#streams.size;
  }

  get ids(): number {
    return this.#ids.size;
  }

  get streamsForgotten(): number {
    return this.#streamsForgotten;
  }

  /** The memory of a stream, made if there is none; it is the most recently heard of now. */
  stream(
    place: Partition,
    stream: string,
    first: { readonly seq: number; readonly epoch: number },
  ): FoundStream {
    const prefix = prefixOf(place);
    const isComplete = this.#complete.get(prefix) ?? this.#options.fromBeginning;
    const key = prefix + stream;
    const known = this.#streams.get(key);
    if (known !== undefined) {
      this.#streams.delete(key);
      this.#streams.set(key, known);
      return { memory: known, isNew: false, isComplete };
    }
    const since = isComplete ? 1 : first.seq + STREAM_INFLIGHT_EVENTS_MAX;
    const memory = { window: new SeqWindow(this.#options.windowSeqs), since, epoch: first.epoch };
    this.#put(key, memory);
    return { memory, isNew: true, isComplete };
  }

  #put(key: string, memory: StreamMemory): void {
    this.#streams.set(key, memory);
    if (this.#streams.size <= this.#options.streamsMax) return;
    const [oldest = ""] = this.#streams.keys();
    this.#streams.delete(oldest);
    this.#streamsForgotten += 1;
    this.#complete.set(oldest.slice(0, oldest.lastIndexOf(SEPARATOR) + 1), false);
  }

  /** Remembers an id; false if it was known. */
  addId(place: Partition, id: string): boolean {
    const key = prefixOf(place) + id;
    if (this.#ids.has(key)) return false;
    this.#ids.add(key);
    if (this.#ids.size > this.#options.idsMax) {
      const [oldest = ""] = this.#ids;
      this.#ids.delete(oldest);
    }
    return true;
  }

  exportPartition({ topic, partition }: Partition): PartitionState {
    const prefix = prefixOf({ topic, partition });
    const streams: [string, number, number, [number, number][]][] = [];
    for (const [key, { window, since, epoch }] of this.#streams) {
      if (!key.startsWith(prefix)) continue;
      streams.push([key.slice(prefix.length), epoch, since, window.ranges()]);
    }
    const ids = [...this.#ids]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
    const complete = this.#complete.get(prefix) ?? this.#options.fromBeginning;
    return { version: 1, topic, partition, complete, streams, ids };
  }

  importPartition(value: unknown): void {
    if (!isPartitionState(value)) throw new TypeError("this is no state of a partition");
    this.forgetPartition(value);
    const prefix = prefixOf(value);
    this.#complete.set(prefix, value.complete);
    for (const [stream, epoch, since, ranges] of value.streams) {
      const window = new SeqWindow(this.#options.windowSeqs);
      for (const [from, to] of ranges) for (let seq = from; seq <= to; seq += 1) window.add(seq);
      this.#put(prefix + stream, { window, since, epoch });
    }
    if (this.#options.idsMax > 0) for (const id of value.ids) this.addId(value, id);
  }

  forgetPartition(place: Partition): void {
    const prefix = prefixOf(place);
    this.#complete.delete(prefix);
    for (const keys of [this.#streams, this.#ids]) {
      for (const key of keys.keys()) if (key.startsWith(prefix)) keys.delete(key);
    }
  }
}

function prefixOf({ topic, partition }: Partition): string {
  return topic + SEPARATOR + String(partition) + SEPARATOR;
}

function isPartitionState(value: unknown): value is PartitionState {
  if (typeof value !== "object" || value === null) return false;
  const state = value as Partial<Record<keyof PartitionState, unknown>>;
  return (
    state.version === 1 &&
    typeof state.topic === "string" &&
    isNumber(state.partition) &&
    typeof state.complete === "boolean" &&
    Array.isArray(state.streams) &&
    state.streams.every((stream: unknown) => isStreamState(stream)) &&
    Array.isArray(state.ids) &&
    state.ids.every((id: unknown) => typeof id === "string")
  );
}

/** More ranges, or wider ones, than any window holds are no state either. */
function isStreamState(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [stream, epoch, since, ranges] = value as readonly unknown[];
  if (typeof stream !== "string" || !isNumber(epoch) || !isNumber(since)) return false;
  if (!Array.isArray(ranges)) return false;
  let above = 0;
  return ranges.every((range: unknown) => {
    if (!Array.isArray(range)) return false;
    const [from, to] = range as readonly unknown[];
    if (!isNumber(from) || !isNumber(to) || from <= above || to < from) return false;
    above = to;
    return to - from <= RANGE_SEQS_MAX;
  });
}

const RANGE_SEQS_MAX = 1_000_000;

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
