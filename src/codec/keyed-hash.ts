/** HMAC-SHA-256 by Node, for codecs that run there. */
import { createHmac } from "node:crypto";

/** See KeyedHash in digests.ts. */
export function hmacSha256(salt: string, value: Uint8Array): Uint8Array {
  return createHmac("sha256", salt).update(value).digest();
}
