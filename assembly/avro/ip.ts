/**
 * The network of an IP address: IPv4 (four decimal numbers, no leading zeros) with its last octet
 * 0; IPv6 (RFC 4291 §2.2, without a zone) with all but its first 48 bits 0, as RFC 5952 writes it.
 */

const GROUPS: i32 = 8;
/** Groups of 16 bits that are kept. */
const GROUPS_KEPT: i32 = 3;
const groups = memory.data(16);

/** Where the last octet of the quad last read begins. */
let lastOctet: usize = 0;

/** Is [start, end) an IPv4 address? */
function readQuad(start: usize, end: usize): bool {
  let p = start;
  for (let octet = 0; octet < 4; octet++) {
    if (octet > 0) {
      if (p >= end || load<u8>(p) != 0x2e) return false;
      p += 1;
    }
    lastOctet = p;
    let value: u32 = 0;
    for (; p < end && p - lastOctet < 3; p++) {
      const digit = <u32>load<u8>(p) - 0x30;
      if (digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = p - lastOctet;
    if (digits == 0 || value > 255 || (digits > 1 && load<u8>(lastOctet) == 0x30)) return false;
  }
  return p == end;
}

/** Value of a hexadecimal digit, 16 for anything else. */
function hexValue(c: u32): u32 {
  if (c - 0x30 < 10) return c - 0x30;
  const letter = (c | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : 16;
}

/** Behind the group of up to four digits at `p`, whose value goes to groups[index]; 0: none. */
function readGroup(p: usize, end: usize, index: u32): usize {
  let at = p;
  let value: u32 = 0;
  for (; at < end && at - p < 4; at++) {
    const digit = hexValue(load<u8>(at));
    if (digit > 15) break;
    value = (value << 4) | digit;
  }
  store<u16>(groups + ((<usize>index) << 1), <u16>value);
  return at == p ? 0 : at;
}

/** How many groups stand before the `::`; −1: there is none. */
let gap: i32 = -1;

/** Groups written out, as they stand; −1: no IPv6 address. Sets `gap`. */
function readGroups(start: usize, end: usize): i32 {
  gap = -1;
  let count: i32 = 0;
  let p = start;
  if (end - start >= 2 && load<u16>(p) == 0x3a3a) {
    gap = 0;
    p += 2;
  }
  while (p < end) {
    if (count == GROUPS) return -1;
    const next = readGroup(p, end, count);
    if (!next) return -1;
    if (next < end && load<u8>(next) == 0x2e) {
      // An IPv4 address is the last 32 bits, of which none is kept.
      return count <= 6 && readQuad(p, end) ? count + 2 : -1;
    }
    count += 1;
    if (next == end) break;
    if (load<u8>(next) != 0x3a || next + 1 == end) return -1;
    p = next + 1;
    if (load<u8>(p) != 0x3a) continue;
    if (gap >= 0) return -1;
    gap = count;
    p += 1;
  }
  return count;
}

/** Group `index` of the whole address, of which `count` groups are written out. */
function groupAt(index: i32, count: i32): u32 {
  let at = index;
  if (gap >= 0 && index >= gap) {
    at = index - (GROUPS - count);
    if (at < gap) return 0;
  }
  return load<u16>(groups + ((<usize>at) << 1));
}

function writeHex(value: u32, to: usize): usize {
  let p = to;
  let shift = 12;
  while (shift > 0 && value >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    store<u8>(p, digit < 10 ? digit + 0x30 : digit + 0x57);
    p += 1;
  }
  return p;
}

/** Writes the network of the address [start, end) at `to`; returns its end, 0: no address. */
export function truncateIp(start: usize, end: usize, to: usize): usize {
  if (readQuad(start, end)) {
    const kept = lastOctet - start;
    memory.copy(to, start, kept);
    store<u8>(to + kept, 0x30);
    return to + kept + 1;
  }
  const count = readGroups(start, end);
  if (count < 0 || (gap < 0 ? count != GROUPS : count >= GROUPS)) return 0;
  let kept: i32 = GROUPS_KEPT;
  while (kept > 0 && groupAt(kept - 1, count) == 0) kept -= 1;
  let p = to;
  for (let index = 0; index < kept; index++) {
    if (index > 0) {
      store<u8>(p, 0x3a);
      p += 1;
    }
    p = writeHex(groupAt(index, count), p);
  }
  // Five groups at least are zero behind those kept: no other run is longer.
  store<u16>(p, 0x3a3a);
  return p + 2;
}
