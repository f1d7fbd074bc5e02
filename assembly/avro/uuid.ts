/**
 * Is a text 8-4-4-4-12 hex digits? Three vectors of sixteen bytes, the last two overlapping; each
 * must have hyphens exactly where they belong and hex digits everywhere else.
 */

/** One bit for each byte that is a hex digit. */
// @ts-ignore: decorator
@inline
function hexBits(v: v128): i32 {
  const digit = i8x16.le_u(i8x16.sub(v, i8x16.splat(0x30)), i8x16.splat(9));
  const lower = v128.or(v, i8x16.splat(0x20));
  const letter = i8x16.le_u(i8x16.sub(lower, i8x16.splat(0x61)), i8x16.splat(5));
  return i8x16.bitmask(v128.or(digit, letter));
}

// @ts-ignore: decorator
@inline
function hasHyphens(v: v128, hyphens: i32): bool {
  const found = i8x16.bitmask(i8x16.eq(v, i8x16.splat(0x2d)));
  return found == hyphens && hexBits(v) == (~hyphens & 0xffff);
}

/** Hyphens at 8, 13, 18, 23 of 36 bytes. */
export function isUuid(start: usize, end: usize): bool {
  return (
    end - start == 36 &&
    hasHyphens(v128.load(start), (1 << 8) | (1 << 13)) &&
    hasHyphens(v128.load(start, 16), (1 << 2) | (1 << 7)) &&
    hasHyphens(v128.load(start, 20), 1 << 3)
  );
}
