/** `sluice.from: "json"`: any JSON value, stored as its text without white space between tokens. */
import { failRoom, out, outEnd, scratch } from "../arena";
import { skipValue } from "../json/skip";
import { skipString } from "../json/string";
import { countBytes, writeBytes, writeCount } from "./write";

/** Copies the sound value [from, end) to `to`; returns the end of the copy. */
function compact(from: usize, end: usize, to: usize): usize {
  let p = from;
  let q = to;
  while (p < end) {
    const c = load<u8>(p);
    if (c == 0x22) {
      const next = skipString(p + 1);
      memory.copy(q, p, next - p);
      q += next - p;
      p = next;
      continue;
    }
    if (c > 0x20) {
      store<u8>(q, c);
      q += 1;
    }
    p += 1;
  }
  return q;
}

export function encodeJsonText(p: usize, node: usize): usize {
  const end = skipValue(p);
  if (!end) return 0;
  const raw = end - p;
  if (out + raw > outEnd) {
    const copied = compact(p, end, scratch);
    return writeBytes(scratch, copied - scratch) ? end : failRoom(p);
  }
  const guess = countBytes(<u32>raw);
  const length = compact(p, end, out + guess) - out - guess;
  const size = countBytes(<u32>length);
  if (size != guess) memory.copy(out + size, out + guess, length);
  writeCount(<u32>length);
  out += length;
  return end;
}
