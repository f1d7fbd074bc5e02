/** Conversions of single values, called by the code that convert.ts makes. */

/** RFC 3339 text → microseconds since 1970; Date counts milliseconds. */
function microsOf(text: string): number {
  const millis = Date.parse(text) * 1000;
  const dot = text.indexOf(".");
  if (dot < 0) return millis;
  let micros = 0;
  let unit = 100;
  for (let at = dot + 4; unit >= 1; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) break;
    micros += digit * unit;
    unit /= 10;
  }
  return millis + micros;
}

function daysOf(text: string): number {
  return Date.parse(text) / 86_400_000;
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function base64Of(text: string): Buffer {
  return Buffer.from(text, "base64");
}

/** The number, or text of one, times 10^scale; as a BigInt where doubles are not exact. */
function unscaledOf(value: number | string, scale: number): number | bigint {
  const text = String(value);
  if (/[eE]/.test(text)) return Math.round(Number(text) * 10 ** scale);
  const dot = text.indexOf(".");
  const digits =
    dot < 0
      ? text + "0".repeat(scale)
      : text.slice(0, dot) + text.slice(dot + 1).padEnd(scale, "0");
  return digits.length <= 15 ? Number(digits) : BigInt(digits);
}

/** Decimal as bytes: shortest two's complement, big-endian. */
function decimalOf(value: number | string, scale: number): Buffer {
  const unscaled = unscaledOf(value, scale);
  let size = 1;
  if (typeof unscaled === "number" && Math.abs(unscaled) < 2 ** 47) {
    for (let limit = 128; unscaled >= limit || unscaled < -limit; limit *= 256) size += 1;
    const bytes = Buffer.allocUnsafe(size);
    bytes.writeIntBE(unscaled, 0, size);
    return bytes;
  }
  const large = BigInt(unscaled);
  for (let limit = 128n; large >= limit || large < -limit; limit *= 256n) size += 1;
  return bigBytes(large, size);
}

/** Decimal as fixed. */
function fixedDecimalOf(value: number | string, scale: number, size: number): Buffer {
  return bigBytes(BigInt(unscaledOf(value, scale)), size);
}

function bigBytes(value: bigint, size: number): Buffer {
  const hex = BigInt.asUintN(size * 8, value).toString(16);
  return Buffer.from(hex.padStart(size * 2, "0"), "hex");
}

/** By the names under which made code calls them. */
export const HELPERS = { microsOf, daysOf, bytesOf, base64Of, decimalOf, fixedDecimalOf } as const;
