/**
 * Text whose code points stand for bytes (Avro's JSON form of bytes and fixed), with its escapes in
 * one pass: sixteen bytes of UTF-8 at a time, what continues a character squeezed out by a table.
 * It takes what is sound and narrow and knows no faults; bytes.ts has the scalar twin that does.
 */
import { specials } from "../json/string";

/** End of the bytes that the last narrowText has written. */
export let narrowEnd: usize = 0;

/** For each set of eight bytes: the numbers of those that are in it, in order. */
const ORDERS = memory.data(2048, 16);
/** For each byte behind a backslash: what the escape means, 0 if there is no such escape. */
const MEANINGS = memory.data(256, 16);
/** For each hex digit its value, NO_DIGIT for all other bytes. */
const DIGITS = memory.data(256, 16);
const NO_DIGIT: u8 = 0x80;

function setMeaning(letter: usize, meaning: u8): void {
  store<u8>(MEANINGS + letter, meaning);
}

function fillTables(): void {
  for (let set: usize = 0; set < 256; set++) {
    let to = ORDERS + (set << 3);
    for (let bit: usize = 0; bit < 8; bit++) {
      if (((set >> bit) & 1) == 0) continue;
      store<u8>(to, <u8>bit);
      to += 1;
    }
  }
  memory.fill(DIGITS, NO_DIGIT, 256);
  for (let digit: usize = 0; digit < 10; digit++) store<u8>(DIGITS + 0x30 + digit, <u8>digit);
  for (let digit: usize = 10; digit < 16; digit++) {
    store<u8>(DIGITS + 0x41 - 10 + digit, <u8>digit);
    store<u8>(DIGITS + 0x61 - 10 + digit, <u8>digit);
  }
  setMeaning(0x22, 0x22);
  setMeaning(0x5c, 0x5c);
  setMeaning(0x2f, 0x2f);
  setMeaning(0x62, 0x08);
  setMeaning(0x66, 0x0c);
  setMeaning(0x6e, 0x0a);
  setMeaning(0x72, 0x0d);
  setMeaning(0x74, 0x09);
}

fillTables();

/** Sixteen times: the lead byte of U+00C0 … U+00FF, what those are more, the first lead beyond. */
// prettier-ignore
const LEADS = memory.data<u8>([
  0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3,
  0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40,
  0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4,
  0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0,
], 16);

/** Writes those of the first eight bytes that are in `set`; returns what follows them. */
// @ts-ignore: decorator
@inline
function putSet(to: usize, bytes: v128, set: u32): usize {
  const order = v128.load64_zero(ORDERS + ((<usize>set) << 3));
  store<u64>(to, i64x2.extract_lane(i8x16.swizzle(bytes, order), 0));
  return to + <usize>popcnt<u32>(set);
}

/** The byte that the escape at `p` stands for, 0x100 if it is none or stands for another. */
// @ts-ignore: decorator
@inline
function escapedByte(p: usize): u32 {
  if (load<u32>(p) != 0x3030755c) return 0x100;
  const high = <u32>load<u8>(DIGITS + <usize>load<u8>(p, 4));
  const low = <u32>load<u8>(DIGITS + <usize>load<u8>(p, 5));
  return (high | low) & <u32>NO_DIGIT ? 0x100 : (high << 4) | low;
}

/**
 * Writes the bytes of the text that begins at `at` (behind its quote) to `to`, where WRITE_SLACK
 * bytes may be written behind `limit`. Returns what follows the text, sets narrowEnd; 0 if it is
 * not sound, not narrow, or does not end before `limit`.
 */
export function narrowText(at: usize, to: usize, limit: usize): usize {
  let p = at;
  let q = to;
  let wide: i32 = 0;
  while (q <= limit) {
    const v = v128.load(p);
    const count = ctz<u32>(specials(v) | 0x10000);
    if (i8x16.bitmask(v)) {
      const before = (1 << count) - 1;
      wide |= i8x16.bitmask(i8x16.eq(v, i8x16.max_u(v, v128.load(LEADS, 32)))) & before;
      const more = v128.and(i8x16.eq(v, v128.load(LEADS)), v128.load(LEADS, 16));
      const points = i8x16.add(v128.load(p, 1), more);
      const bytes = v128.bitselect(points, v, i8x16.lt_s(v, i8x16.splat(0)));
      const set = ~i8x16.bitmask(i8x16.lt_s(v, v128.load(LEADS, 48))) & before;
      q = putSet(q, bytes, set & 0xff);
      q = putSet(
        q,
        i8x16.shuffle(bytes, bytes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
        set >> 8,
      );
    } else {
      v128.store(q, v);
      q += <usize>count;
    }
    p += <usize>count;
    if (count == 16) continue;
    const c = load<u8>(p);
    if (c != 0x5c) {
      narrowEnd = q;
      return c == 0x22 && !wide ? p + 1 : 0;
    }
    const letter = <usize>load<u8>(p, 1);
    const isHex = letter == 0x75;
    const byte = isHex ? escapedByte(p) : <u32>load<u8>(MEANINGS + letter);
    if (isHex ? byte == 0x100 : byte == 0) return 0;
    store<u8>(q, byte);
    q += 1;
    p += isHex ? 6 : 2;
  }
  return 0;
}
