/**
 * The verdict on an event whose text is not sound: what is wrong first, and where the event ends.
 */
import { FAULT_NONE, FAULT_SYNTAX, FAULT_UTF8, NODE_EVENT, STATUS_INVALID } from "../abi";
import { fail, faultAt } from "../arena";
import { splitAt, splitKind, splitValue } from "../json/split";
import { firstIllFormed } from "../json/utf8";
import { setFault, setStatus } from "./row";

/** The frame is not UTF-8 somewhere: each event has to be looked at. */
export let isIllFormed: bool = false;
/** End of the frame's text. */
export let frameEnd: usize = 0;

export function openFrameText(end: usize, illFormed: bool): void {
  frameEnd = end;
  isIllFormed = illFormed;
}

/** What is wrong with an unsound event at `start`; returns its end, or 0 if it has none. */
export function judge(row: u32, start: usize): usize {
  const end = splitValue(start);
  const broken = faultAt;
  let kind = splitKind;
  let where = splitAt;
  if (!end && (kind == FAULT_NONE || broken < where)) {
    kind = FAULT_SYNTAX;
    where = broken;
  }
  if (isIllFormed) {
    const limit = end ? end : kind != FAULT_NONE ? where + 1 : frameEnd;
    const bad = firstIllFormed(start, min(limit + 3, frameEnd));
    if (bad < limit && (kind == FAULT_NONE || bad <= where)) {
      kind = FAULT_UTF8;
      where = bad;
    }
  }
  if (kind != FAULT_NONE) {
    setStatus(row, STATUS_INVALID);
    setFault(row, kind, where, NODE_EVENT, 0);
  }
  if (!end) fail(FAULT_SYNTAX, broken, NODE_EVENT);
  return end;
}
