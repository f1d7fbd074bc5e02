/**
 * The table that Eisel–Lemire needs (assembly/json/double.ts): the 128 leading bits of 5^q for
 * q = -342 … 308, reciprocals rounded up, as in D. Lemire, "Number Parsing at a Gigabyte per
 * Second".
 */

export const POWER_MIN = -342;
export const POWER_MAX = 308;

let table: Uint8Array | undefined;

/** The table, made once: a codec that has to be replaced should not wait for it. */
export function powersOfFive(): Uint8Array {
  table ??= makePowers();
  return table;
}

/** 16 bytes a power: high half, low half, little-endian. */
function makePowers(): Uint8Array {
  const count = POWER_MAX - POWER_MIN + 1;
  const view = new DataView(new ArrayBuffer(count * 16));
  for (let index = 0; index < count; index += 1) {
    const bits = leadingBits(POWER_MIN + index);
    view.setBigUint64(index * 16, bits >> 64n, true);
    view.setBigUint64(index * 16 + 8, bits & 0xffffffffffffffffn, true);
  }
  return new Uint8Array(view.buffer);
}

function leadingBits(exponent: number): bigint {
  if (exponent >= 0) return cut(5n ** BigInt(exponent));
  const power = 5n ** BigInt(-exponent);
  const size = BigInt(bitLength(power));
  if (exponent >= -27) return (1n << (size + 127n)) / power + 1n;
  return cut((1n << (2n * size + 128n)) / power + 1n);
}

/** Shifted until it has exactly 128 bits. */
function cut(value: bigint): bigint {
  const surplus = bitLength(value) - 128;
  return surplus >= 0 ? value >> BigInt(surplus) : value << BigInt(-surplus);
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
