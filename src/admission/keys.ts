/**
 * Keys of senders: how they are made, and the digest by which they are known. A key is 256 random
 * bits, so one round of SHA-256 is as good at rest as any slow hash (there is nothing to guess).
 */
import { hash, timingSafeEqual } from "node:crypto";

/** Longest credentials that are looked at, in characters; longer ones are unknown. */
export const CREDENTIALS_MAX = 8 * 1024;

const PREFIX = { write: "wk_", secret: "sk_" } as const;
const KEY_BYTES = 32;

export interface NewKey {
  readonly key: string;
  readonly sha256: string;
}

/** A new key; `random` gives that many random bytes. */
export function newKey(kind: keyof typeof PREFIX, random: (bytes: number) => Buffer): NewKey {
  const key = PREFIX[kind] + random(KEY_BYTES).toString("base64url");
  return { key, sha256: keyDigest(key) };
}

/** SHA-256 of a key, 64 hex digits. */
export function keyDigest(key: string): string {
  return hash("sha256", key, "hex");
}

/** Equal digests, in constant time. */
export function isSameDigest(left: string, right: string): boolean {
  return left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right));
}
