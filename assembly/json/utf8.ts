/**
 * Is a text UTF-8? The fast check (J. Keiser, D. Lemire, "Validating UTF-8 in less than one
 * instruction per byte": three table look-ups on the nibbles of neighbouring bytes) answers yes or
 * no for a whole frame; the scalar one, its reference, finds the first bad sequence.
 */

/** First byte of the first ill-formed sequence in [start, end), or `end` (Unicode, Table 3-7). */
export function firstIllFormed(start: usize, end: usize): usize {
  let p = start;
  while (p < end) {
    const c: u32 = load<u8>(p);
    if (c < 0x80) {
      p += 1;
      continue;
    }
    const size: u32 = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (size == 0 || p + size > end) return p;
    const second: u32 = load<u8>(p, 1);
    const low: u32 = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    const high: u32 = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return p;
    for (let i: u32 = 2; i < size; i++) if ((load<u8>(p + i) & 0xc0) != 0x80) return p;
    p += size;
  }
  return end;
}

/** The tables of the check and its other constants: loading them is cheaper than making them. */
// prettier-ignore
const TABLES = memory.data<u8>([
  // by the high nibble of the first byte
  0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x80, 0x80, 0x80, 0x80, 0x21, 0x01, 0x15, 0x49,
  // by its low nibble
  0xe7, 0xa3, 0x83, 0x83, 0x8b, 0xcb, 0xcb, 0xcb, 0xcb, 0xcb, 0xcb, 0xcb, 0xcb, 0xdb, 0xcb, 0xcb,
  // by the high nibble of the second byte
  0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0xe6, 0xae, 0xba, 0xba, 0x01, 0x01, 0x01, 0x01,
  0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f,
  0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60,
  0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70, 0x70,
  0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
], 16);

function errorsOf(input: v128, before: v128): v128 {
  const one = i8x16.shuffle(
    before, input, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
  );
  const two = i8x16.shuffle(
    before, input, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
  );
  const three = i8x16.shuffle(
    before, input, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
  );
  const nibble = v128.load(TABLES, 48);
  const highOfFirst = v128.and(i16x8.shr_u(one, 4), nibble);
  const highOfSecond = v128.and(i16x8.shr_u(input, 4), nibble);
  const special = v128.and(
    v128.and(
      i8x16.swizzle(v128.load(TABLES), highOfFirst),
      i8x16.swizzle(v128.load(TABLES, 16), v128.and(one, nibble)),
    ),
    i8x16.swizzle(v128.load(TABLES, 32), highOfSecond),
  );
  const mustContinue = v128.or(
    i8x16.sub_sat_u(two, v128.load(TABLES, 64)),
    i8x16.sub_sat_u(three, v128.load(TABLES, 80)),
  );
  return v128.xor(v128.and(mustContinue, v128.load(TABLES, 96)), special);
}

/** Is [start, end) UTF-8? At least 66 zero bytes must follow: a cut sequence meets them. */
export function isUtf8(start: usize, end: usize): bool {
  let before = i8x16.splat(0);
  let errors = i8x16.splat(0);
  let p = start;
  while (p < end + 3) {
    const a = v128.load(p);
    const b = v128.load(p, 16);
    const c = v128.load(p, 32);
    const d = v128.load(p, 48);
    const any = v128.or(v128.or(v128.or(a, b), v128.or(c, d)), before);
    if (i8x16.bitmask(any)) {
      errors = v128.or(errors, v128.or(errorsOf(a, before), errorsOf(b, a)));
      errors = v128.or(errors, v128.or(errorsOf(c, b), errorsOf(d, c)));
    }
    before = d;
    p += 64;
  }
  return !v128.any_true(errors);
}
