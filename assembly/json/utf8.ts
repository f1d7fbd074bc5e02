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

function errorsOf(input: v128, before: v128): v128 {
  // prettier-ignore
  const highOfFirst = i8x16(
    2, 2, 2, 2, 2, 2, 2, 2, -128, -128, -128, -128, 0x21, 0x01, 0x15, 0x49,
  );
  const lowOfFirst = i8x16(
    -25, -93, -125, -125, -117, -53, -53, -53, -53, -53, -53, -53, -53, -37, -53, -53,
  );
  const highOfSecond = i8x16(
    1, 1, 1, 1, 1, 1, 1, 1, -26, -82, -70, -70, 1, 1, 1, 1,
  );
  const one = i8x16.shuffle(
    before, input, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
  );
  const two = i8x16.shuffle(
    before, input, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
  );
  const three = i8x16.shuffle(
    before, input, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
  );
  const special = v128.and(
    v128.and(
      i8x16.swizzle(highOfFirst, i8x16.shr_u(one, 4)),
      i8x16.swizzle(lowOfFirst, v128.and(one, i8x16.splat(0x0f))),
    ),
    i8x16.swizzle(highOfSecond, i8x16.shr_u(input, 4)),
  );
  const mustContinue = v128.or(
    i8x16.sub_sat_u(two, i8x16.splat(0x60)),
    i8x16.sub_sat_u(three, i8x16.splat(0x70)),
  );
  return v128.xor(v128.and(mustContinue, i8x16.splat(<i8>0x80)), special);
}

/** Is [start, end) UTF-8? At least 64 zero bytes must follow: a cut sequence meets them. */
export function isUtf8(start: usize, end: usize): bool {
  let before = i8x16.splat(0);
  let errors = i8x16.splat(0);
  let p = start;
  while (p < end + 3) {
    const a = v128.load(p);
    const b = v128.load(p, 16);
    const any = v128.or(v128.or(a, b), before);
    if (i8x16.bitmask(any)) {
      errors = v128.or(errors, v128.or(errorsOf(a, before), errorsOf(b, a)));
    }
    before = b;
    p += 32;
  }
  return !v128.any_true(errors);
}
