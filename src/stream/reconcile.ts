/**
 * What a stream is after a client's hello (docs/protocol.md §2.7): what the server remembers of it
 * and what the client says of itself, put together. Pure. The memory is a hint, the client's `held`
 * reveals every final outcome that it knows; where neither can tell whether a number is stored, the
 * number is open and its record gets the redelivery flag.
 */
import { STREAM_EXCEPTIONS_MAX } from "../limits/streams.ts";
import type { Ranges } from "../protocol/frames.ts";
import { intersection, union, without } from "./ranges.ts";
import type { StreamException, StreamRecord } from "./store.ts";

/** What a claim and a hello say of one stream. */
export interface Accounts {
  /** What is remembered; null: nothing. */
  readonly record: StreamRecord | null;
  /** The last holder has told everything; false: it may have stored more than the record says. */
  readonly isClean: boolean;
  /** Numbers without an outcome, as the client says, maybe sent before. */
  readonly held: Ranges;
  /** The first number the client never assigned. */
  readonly next: number;
}

/** Where a stream stands when it is opened: 1 … done | sack ∪ open | next … */
export interface StreamView {
  /** Highest number such that it and all before have final outcomes. */
  readonly done: number;
  /** Numbers above with final outcomes. */
  readonly sack: Ranges;
  /** Numbers the client has to send again. */
  readonly open: Ranges;
  /** Those of them whose records may be in Kafka already: to be flagged. */
  readonly unsure: Ranges;
  readonly next: number;
  /** Remembered outcomes other than stored, among what the client holds. */
  readonly exc: readonly StreamException[];
  /** The server remembered the stream. */
  readonly resumed: boolean;
}

/** A stream of which nothing is known to anybody. */
export const NEW_STREAM: StreamView = {
  done: 0,
  sack: [],
  open: [],
  unsure: [],
  next: 1,
  exc: [],
  resumed: false,
};

export type Reconciliation =
  | { readonly kind: "view"; readonly view: StreamView }
  /**
   * The client has lost numbers that it used: under them new events would be taken for old ones. It
   * must go on under a new stream id.
   */
  | { readonly kind: "behind"; readonly detail: string };

export function reconcile({ record, isClean, held, next }: Accounts): Reconciliation {
  const used = record === null ? 0 : highestOf(record);
  if (used >= next) {
    const detail = `number ${used} has been used before, hello.next is ${next}`;
    return { kind: "behind", detail };
  }
  const toldByClient = without(below(next), held);
  const remembered = record === null ? [] : without(coveredBy(record), forgottenBy(record));
  const open = without(union(held, []), remembered);
  const [first, ...others] = union(toldByClient, remembered);
  const isFromStart = first !== undefined && first[0] === 1;
  const unsure = record !== null && isClean ? intersection(open, doubtedBy(record)) : open;
  return {
    kind: "view",
    view: {
      done: isFromStart ? first[1] : 0,
      sack: isFromStart || first === undefined ? others : [first, ...others],
      open,
      unsure,
      next,
      exc: (record?.exc ?? []).filter(({ seq }) => has(held, seq)),
      resumed: record !== null,
    },
  };
}

function highestOf({ done, sack, exc }: StreamRecord): number {
  return Math.max(done, sack.at(-1)?.[1] ?? 0, exc.at(-1)?.seq ?? 0);
}

/** Numbers that the record says are final. */
function coveredBy({ done, sack }: StreamRecord): Ranges {
  return done > 0 ? [[1, done], ...sack] : sack;
}

/**
 * Below the oldest exception that is kept others may have been forgotten, once there are as many as
 * are kept: there "final" no longer says whether an event is stored or refused.
 */
function forgottenBy({ exc }: StreamRecord): Ranges {
  return exc.length < STREAM_EXCEPTIONS_MAX ? [] : below(exc[0]?.seq ?? 1);
}

/** Numbers that may be stored although they are not known to be. */
function doubtedBy(record: StreamRecord): Ranges {
  const forgotten = intersection(coveredBy(record), forgottenBy(record));
  return union(below(record.doubtBelow ?? 1), forgotten);
}

function below(number: number): Ranges {
  return number > 1 ? [[1, number - 1]] : [];
}

function has(ranges: Ranges, number: number): boolean {
  return ranges.some(([from, to]) => from <= number && number <= to);
}
