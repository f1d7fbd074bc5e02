/** Times of envelopes and pointers: milliseconds since 1970, or RFC 3339 text. */
import { instantNanos, instantSeconds, readInstant } from "../avro/time";
import { readText, textEnd, textStart } from "../json/string";
import { readWhole, whole } from "../json/whole";

/** 1970-01-01T00:00:00Z … 9999-12-31T23:59:59.999Z. */
const MILLIS_MAX: f64 = 253402300799999;

function divideFloor(value: i64, unit: i64): i64 {
  const quotient = value / unit;
  return quotient * unit > value ? quotient - 1 : quotient;
}

/**
 * Milliseconds of the sound value at `at`, `unit` integers to one of them; NaN if it is no time.
 */
export function readMillis(at: usize, unit: u32): f64 {
  let millis: i64 = -1;
  const c = <u32>load<u8>(at);
  if (c == 0x22) {
    if (readText(at) && readInstant(textStart, textEnd)) {
      millis = instantSeconds * 1000 + <i64>(instantNanos / 1000000);
    }
  } else if ((c == 0x2d || c - 0x30 < 10) && readWhole(at)) {
    millis = divideFloor(whole, unit);
  }
  const value = <f64>millis;
  return value >= 0 && value <= MILLIS_MAX ? value : NaN;
}
