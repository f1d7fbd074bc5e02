/**
 * Unsigned integers of many 32-bit limbs, least first, behind their count: [count, limbs …]. The
 * callers bound the digits they put in, hence the limbs.
 */

export function setBig(big: usize, value: u64): void {
  store<u32>(big, 2);
  store<u32>(big, <u32>value, 4);
  store<u32>(big, <u32>(value >> 32), 8);
}

export function multiplyAddBig(big: usize, factor: u32, add: u32): void {
  const count = load<u32>(big);
  let carry: u64 = add;
  for (let i: u32 = 0; i < count; i++) {
    const limb = big + 4 + ((<usize>i) << 2);
    carry += <u64>load<u32>(limb) * factor;
    store<u32>(limb, <u32>carry);
    carry >>= 32;
  }
  if (carry == 0) return;
  store<u32>(big + 4 + ((<usize>count) << 2), <u32>carry);
  store<u32>(big, count + 1);
}

/** Less one; the value must not be 0. */
export function decrementBig(big: usize): void {
  let limb = big + 4;
  while (load<u32>(limb) == 0) {
    store<u32>(limb, 0xffffffff);
    limb += 4;
  }
  store<u32>(limb, load<u32>(limb) - 1);
}

export function limbOfBig(big: usize, index: u32): u32 {
  return index < load<u32>(big) ? load<u32>(big + 4 + ((<usize>index) << 2)) : 0;
}

/** Bits without leading zeros. */
export function bitsOfBig(big: usize): u32 {
  for (let i = load<u32>(big); i > 0; i--) {
    const limb = limbOfBig(big, i - 1);
    if (limb) return (i << 5) - clz<u32>(limb);
  }
  return 0;
}

/** Byte `index`, counted from the least. */
export function byteOfBig(big: usize, index: u32): u32 {
  return (limbOfBig(big, index >> 2) >> ((index & 3) << 3)) & 0xff;
}
