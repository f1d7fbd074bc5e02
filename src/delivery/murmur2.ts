/**
 * murmur2 as Kafka's Java client hashes keys, sign bit cleared. The codec computes it for events;
 * here it serves dead letters.
 */

const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word =
      (bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24);
    word = Math.imul(word, MIX);
    word ^= word >>> 24;
    word = Math.imul(word, MIX);
    hash = Math.imul(hash, MIX) ^ word;
  }
  const left = length - at;
  if (left === 3) hash ^= (bytes[at + 2] ?? 0) << 16;
  if (left >= 2) hash ^= (bytes[at + 1] ?? 0) << 8;
  if (left >= 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), MIX);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MIX);
  return (hash ^ (hash >>> 15)) & 0x7fffffff;
}
