/** What the module says of a frame: the RESULT page → FrameResult. */
import type { RecordTable } from "../records.ts";
import {
  DETAIL_DEPTH,
  DETAIL_EVENTS_NOT_ARRAY,
  DETAIL_EVENTS_TWICE,
  DETAIL_MEMBER_TWICE,
  DETAIL_NO_EVENTS,
  DETAIL_NO_T,
  DETAIL_NOT_OBJECT,
  DETAIL_SEQ,
  DETAIL_UTF8,
  MERGED_BYTES_MAX,
  PROBLEM_BAD_JSON,
  PROBLEM_CONTROL,
  PROBLEM_EMPTY,
  PROBLEM_NONE,
  PROBLEM_TOO_LARGE,
  PROBLEM_TOO_MANY,
  RESULT,
  RESULT_CURRENT,
  RESULT_DETAIL,
  RESULT_OFFSET,
  RESULT_PROBLEM,
  RESULT_ROWS,
  RESULT_SENT_AT,
  RESULT_SEQ,
  RESULT_T_END,
  RESULT_T_START,
} from "./abi.gen.ts";
import type { Table } from "./table.ts";

export type FrameResult =
  | {
      readonly kind: "table";
      readonly table: RecordTable;
      /** pub: the frame's seq, else 0. */
      readonly seq: number;
      /** NaN if the frame has none, or none that is a time. */
      readonly sentAtMs: number;
    }
  /** Shape pub: a sound JSON object whose `t` is not "pub"; nothing was encoded. */
  | { readonly kind: "control"; readonly t: string }
  | {
      readonly kind: "fault";
      readonly problem: "empty" | "bad_json" | "too_many_events" | "too_large" | "bad_frame";
      /** Byte of the frame. */
      readonly offset: number;
      readonly detail: string;
    };

const DETAILS: ReadonlyMap<number, string> = new Map([
  [DETAIL_NOT_OBJECT, "the frame is not a JSON object"],
  [DETAIL_NO_T, "the frame has no string member t"],
  [DETAIL_NO_EVENTS, "the pub frame has no member events"],
  [DETAIL_EVENTS_NOT_ARRAY, "events is not an array"],
  [DETAIL_EVENTS_TWICE, "the events come twice"],
  [DETAIL_MEMBER_TWICE, "the member t comes twice"],
  [DETAIL_SEQ, "seq is not an integer from 1 to 2^53 - 1"],
  [DETAIL_UTF8, "ill-formed UTF-8 outside the events"],
  [DETAIL_DEPTH, "nested too deeply outside the events"],
]);

/** Number of the event the module was at when it trapped. */
export function rowAtTrap(view: DataView): number {
  return view.getUint32(RESULT + RESULT_CURRENT, true);
}

/** The result of a call that returned. */
export function readResult(
  view: DataView,
  table: Table,
  decode: (start: number, end: number) => string,
): FrameResult {
  table.count = view.getUint32(RESULT + RESULT_ROWS, true);
  const problem = view.getUint32(RESULT + RESULT_PROBLEM, true);
  return problem === PROBLEM_NONE ? tableOf(view, table) : problemOf(problem, view, decode);
}

function tableOf(view: DataView, table: Table): FrameResult {
  // Below 2^53; a BigInt would have to be allocated.
  const low = view.getUint32(RESULT + RESULT_SEQ, true);
  const high = view.getUint32(RESULT + RESULT_SEQ + 4, true);
  return {
    kind: "table",
    table,
    seq: high * 0x1_0000_0000 + low,
    sentAtMs: view.getFloat64(RESULT + RESULT_SENT_AT, true),
  };
}

function problemOf(
  problem: number,
  view: DataView,
  decode: (start: number, end: number) => string,
): FrameResult {
  const word = (offset: number): number => view.getUint32(RESULT + offset, true);
  const offset = word(RESULT_OFFSET);
  const detail = DETAILS.get(word(RESULT_DETAIL));
  switch (problem) {
    case PROBLEM_CONTROL:
      return { kind: "control", t: decode(word(RESULT_T_START), word(RESULT_T_END)) };
    case PROBLEM_EMPTY:
      return { kind: "fault", problem: "empty", offset, detail: "there is no event" };
    case PROBLEM_TOO_MANY:
      return { kind: "fault", problem: "too_many_events", offset, detail: "too many events" };
    case PROBLEM_TOO_LARGE:
      return {
        kind: "fault",
        problem: "too_large",
        offset,
        detail: `the frame gives more than ${MERGED_BYTES_MAX} bytes to an event, or 4 MiB to all`,
      };
    case PROBLEM_BAD_JSON:
      return {
        kind: "fault",
        problem: "bad_json",
        offset,
        detail: detail ?? `not JSON at byte ${offset}`,
      };
    default:
      return { kind: "fault", problem: "bad_frame", offset, detail: detail ?? "a bad frame" };
  }
}
