/**
 * Resume tokens: proof that a client was told of a stream by us, without a look-up. They never
 * replace authentication (docs/protocol.md §2.7). It knows neither where secrets come from nor what
 * is remembered of a stream.
 *
 *   base64url( u8 version = 2 · 4 bytes key id · u48 expiry (s since 1970) · 6 bytes birth of the
 *     memory (store.ts) · 32 bytes HMAC )
 *   HMAC-SHA-256 under the secret over: all before it, 16 bytes stream, tenant NUL source
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import { STREAM_SECRETS_MAX } from "../limits/streams.ts";
import type { StreamKey } from "./store.ts";

const VERSION = 2;
const KEY_ID_BYTES = 4;
const BIRTH_BYTES = 6;
const BIRTH_AT = 1 + KEY_ID_BYTES + 6;
const HEAD_BYTES = BIRTH_AT + BIRTH_BYTES;
const TOKEN_BYTES = HEAD_BYTES + 32;
const TOKEN_CHARACTERS = Math.ceil((TOKEN_BYTES * 4) / 3);

interface Secret {
  readonly text: string;
  readonly keyId: Buffer;
}

export interface ResumeTokensOptions {
  readonly lifeSeconds: number;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** What no memory of a stream was given before. */
export function newBirth(): string {
  return randomBytes(BIRTH_BYTES).toString("hex");
}

export class ResumeTokens {
  readonly #options: ResumeTokensOptions;
  /** The first one signs, all of them prove: the newest first. */
  readonly #secrets: Secret[] = [];

  constructor(secret: string, options: ResumeTokensOptions) {
    this.#options = options;
    this.use(secret);
  }

  /** Signs with this secret from now on; tokens under the earlier ones stay good. */
  use(text: string): void {
    if (this.#secrets[0]?.text === text) return;
    const keyId = createHash("sha256").update(text).digest().subarray(0, KEY_ID_BYTES);
    const others = this.#secrets.filter((secret) => secret.text !== text);
    this.#secrets.splice(0, Infinity, { text, keyId }, ...others);
    this.#secrets.splice(STREAM_SECRETS_MAX);
  }

  /** `birth`: of the memory in which the stream is held (newBirth). */
  token(key: StreamKey, birth: string): string {
    const [secret] = this.#secrets;
    if (secret === undefined) return "";
    const head = Buffer.alloc(HEAD_BYTES);
    head[0] = VERSION;
    secret.keyId.copy(head, 1);
    const expiry = Math.floor(this.#options.nowMs() / 1_000) + this.#options.lifeSeconds;
    head.writeUIntBE(expiry, 1 + KEY_ID_BYTES, 6);
    head.write(birth, BIRTH_AT, "hex");
    return Buffer.concat([head, sign(secret, head, key)]).toString("base64url");
  }

  /** The birth in a token that is good for this stream; null: it is not. */
  birthIn(key: StreamKey, token: string): string | null {
    if (!this.#proves(key, token)) return null;
    return Buffer.from(token, "base64url").toString("hex", BIRTH_AT, HEAD_BYTES);
  }

  #proves(key: StreamKey, token: string): boolean {
    if (token.length !== TOKEN_CHARACTERS) return false;
    const bytes = Buffer.from(token, "base64url");
    // Decoding skips what is no base64url, so there may be fewer; and bits may be left over.
    if (bytes.length !== TOKEN_BYTES || bytes.toString("base64url") !== token) return false;
    const head = bytes.subarray(0, HEAD_BYTES);
    const keyId = head.subarray(1, 1 + KEY_ID_BYTES);
    const secret = this.#secrets.find((known) => known.keyId.equals(keyId));
    if (head[0] !== VERSION || secret === undefined) return false;
    const isSigned = timingSafeEqual(bytes.subarray(HEAD_BYTES), sign(secret, head, key));
    const expiry = head.readUIntBE(1 + KEY_ID_BYTES, 6);
    return isSigned && expiry * 1_000 > this.#options.nowMs();
  }
}

function sign(secret: Secret, head: Uint8Array, key: StreamKey): Buffer {
  const owner = `${key.tenant}\0${key.source}`;
  const hmac = createHmac("sha256", secret.text).update(head).update(key.stream);
  return hmac.update(owner).digest();
}
