/** White space of RFC 8259. Compact JSON pays one comparison per token. */

export function skipWhiteSlow(at: usize): usize {
  let p = at;
  while (true) {
    const c = load<u8>(p);
    if (c > 0x20) return p;
    if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) return p;
    p += 1;
  }
}

/** First byte at or after `p` that is no white space. */
// @ts-ignore: decorator
@inline
export function skipWhite(p: usize): usize {
  return load<u8>(p) > 0x20 ? p : skipWhiteSlow(p);
}

/** First newline at or after `at`, or `end`. */
export function lineEnd(at: usize, end: usize): usize {
  for (let p = at; p < end; p += 16) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(0x0a)));
    if (mask) return min(p + ctz<i32>(mask), end);
  }
  return end;
}
