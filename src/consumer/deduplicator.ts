/**
 * Tells which records of the Avro topics are the second of their event. sluice delivers at least
 * once: after a crash an event may be stored twice, both records have the same stream and number,
 * and what was sent again carries the flag `redelivery_possible`. A repeated event keeps its key
 * and so its partition, therefore each partition is judged by itself. It reads no Kafka and keeps
 * no files.
 */
import { CONSUMER_STREAMS_MAX, CONSUMER_WINDOW_SEQS } from "../limits/repeats.ts";
import { STREAM_INFLIGHT_EVENTS_MAX } from "../limits/streams.ts";
import { headerOf } from "./header.ts";
import type { RecordHeaders, SluiceHeader } from "./header.ts";
import { PartitionMemory } from "./partition-memory.ts";
import type { PartitionState, StreamMemory } from "./partition-memory.ts";

export type Verdict = "first" | "duplicate" | "unknown";

/** Every reason a verdict may have. */
export const REASONS = {
  new_stream: { verdict: "first", text: "the first record of its stream in this partition" },
  above_highest: { verdict: "first", text: "its number is above all seen of its stream" },
  gap_filled: { verdict: "first", text: "its number was not seen yet" },
  not_flagged: { verdict: "first", text: "no longer known, but it is not flagged as sent again" },
  id_new: { verdict: "first", text: "its id is not among the last ones" },
  seq_seen: { verdict: "duplicate", text: "its number was seen already" },
  id_seen: { verdict: "duplicate", text: "its id was seen already" },
  stream_unknown: {
    verdict: "unknown",
    text: "it may have been sent before, and nothing is known of its stream",
  },
  before_start: {
    verdict: "unknown",
    text: "it may have been sent before this consumer began to look at its stream",
  },
  below_window: {
    verdict: "unknown",
    text: "it may have been sent before, and its number has left the window",
  },
  no_stream: {
    verdict: "unknown",
    text: "it came without a stream, and ids are not looked at or it has none",
  },
  no_header: { verdict: "unknown", text: "it has no header of sluice" },
} as const satisfies Record<string, { readonly verdict: Verdict; readonly text: string }>;

export type Reason = keyof typeof REASONS;

export interface Decision {
  /** `unknown`: it cannot be told; whoever must not lose events takes it for `first`. */
  readonly verdict: Verdict;
  readonly reason: Reason;
  /** Null where the record has none. */
  readonly header: SluiceHeader | null;
  /** A connection of the stream that was superseded wrote it, later than its successor. */
  readonly isFromFormerOwner: boolean;
}

export interface DeduplicatorOptions {
  /**
   * Streams remembered over all partitions; about 500 bytes each with the default window. Beyond
   * it the one not heard of for longest is forgotten: flagged records of its partition are then
   * `unknown` where they would have been `first` or `duplicate`. Default 100 000.
   */
  readonly streamsMax?: number;
  /**
   * Numbers remembered below the highest of a stream, a multiple of 32. Default 2 048: twice what
   * a stream may have unanswered, which is what it may send again.
   */
  readonly windowSeqs?: number;
  /**
   * Ids remembered of events that came without a stream; beyond it the oldest is forgotten.
   * Default 0: their records are `unknown`.
   */
  readonly idsMax?: number;
  /**
   * Every partition is read from its first record on: what was never seen was never there. Default
   * false.
   */
  readonly fromBeginning?: boolean;
}

/** The part of a Kafka record that is looked at. */
export interface ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  /** As the Kafka client gives them. */
  readonly headers: RecordHeaders;
}

export interface DeduplicatorStats {
  readonly streams: number;
  readonly ids: number;
  /** Streams forgotten because there were too many. */
  readonly streamsForgotten: number;
  readonly duplicates: number;
  readonly unknown: number;
}

export class Deduplicator {
  readonly #options: Required<DeduplicatorOptions>;
  readonly #memory: PartitionMemory;
  #duplicates = 0;
  #unknown = 0;

  /** Throws a RangeError for options that cannot be. */
  constructor(options: DeduplicatorOptions = {}) {
    this.#options = {
      streamsMax: bounded(options.streamsMax, "streamsMax", CONSUMER_STREAMS_MAX),
      windowSeqs: bounded(options.windowSeqs, "windowSeqs", CONSUMER_WINDOW_SEQS),
      idsMax: bounded(options.idsMax, "idsMax", 0),
      fromBeginning: options.fromBeginning ?? false,
    };
    const { windowSeqs } = this.#options;
    if (windowSeqs % 32 !== 0 || windowSeqs < STREAM_INFLIGHT_EVENTS_MAX) {
      throw new RangeError(
        `windowSeqs is a multiple of 32 and at least ${STREAM_INFLIGHT_EVENTS_MAX}, ` +
          `not ${windowSeqs}`,
      );
    }
    this.#memory = new PartitionMemory(this.#options);
  }

  /**
   * Decides about a record and remembers it: ask once for each record, in the order of its
   * partition.
   */
  decide(record: ConsumedRecord): Decision {
    const header = headerOf(record.headers);
    if (header === null) return this.#decision("no_header", header);
    const { stream, seq, epoch } = header;
    if (stream === null || seq === null || epoch === null) {
      return this.#decision(this.#reasonById(record, header), header);
    }
    const isFlagged = header.flags.includes("redelivery_possible");
    const { memory, isNew, isComplete } = this.#memory.stream(record, stream, { seq, epoch });
    const isFromFormerOwner = epoch < memory.epoch;
    memory.epoch = Math.max(epoch, memory.epoch);
    const reason = isNew
      ? isFlagged && !isComplete
        ? "stream_unknown"
        : "new_stream"
      : reasonBySeq(memory, seq, isFlagged);
    memory.window.add(seq);
    return this.#decision(reason, header, isFromFormerOwner);
  }

  #reasonById(record: ConsumedRecord, { tenant, source, id }: SluiceHeader): Reason {
    if (id === null || this.#options.idsMax === 0) return "no_stream";
    const scoped = JSON.stringify([tenant, source, id]);
    return this.#memory.addId(record, scoped) ? "id_new" : "id_seen";
  }

  #decision(reason: Reason, header: SluiceHeader | null, isFromFormerOwner = false): Decision {
    const { verdict } = REASONS[reason];
    if (verdict === "duplicate") this.#duplicates += 1;
    else if (verdict === "unknown") this.#unknown += 1;
    return { verdict, reason, header, isFromFormerOwner };
  }

  /**
   * What is remembered of a partition, as plain JSON: to be kept together with the offset up to
   * which the partition has been read, and given back when reading goes on there.
   */
  exportPartition(topic: string, partition: number): PartitionState {
    return this.#memory.exportPartition({ topic, partition });
  }

  /** Takes over what `exportPartition` gave, instead of what is known. Throws a TypeError. */
  importPartition(state: unknown): void {
    this.#memory.importPartition(state);
  }

  /** Forgets a partition: somebody else reads it now. */
  forgetPartition(topic: string, partition: number): void {
    this.#memory.forgetPartition({ topic, partition });
  }

  stats(): DeduplicatorStats {
    const { streams, ids, streamsForgotten } = this.#memory;
    const duplicates = this.#duplicates;
    return { streams, ids, streamsForgotten, duplicates, unknown: this.#unknown };
  }
}

function reasonBySeq(memory: StreamMemory, seq: number, isFlagged: boolean): Reason {
  const standing = memory.window.standing(seq);
  if (standing === "seen") return "seq_seen";
  if (isFlagged && standing === "below") return "below_window";
  if (isFlagged && seq < memory.since) return "before_start";
  if (standing === "above") return "above_highest";
  return standing === "open" ? "gap_filled" : "not_flagged";
}

function bounded(value: number | undefined, name: string, fallback: number): number {
  const number = value ?? fallback;
  if (Number.isSafeInteger(number) && number >= Math.min(1, fallback)) return number;
  throw new RangeError(`${name} is an integer of at least ${Math.min(1, fallback)}, not ${number}`);
}
