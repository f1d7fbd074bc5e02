/**
 * The public keys of one issuer of tokens (RFC 7517), found by OpenID Connect discovery or at a
 * given URL. They are kept while the issuer is away, fetched anew when they are old or a token
 * names one that is not there. Each of the two reasons has a cool-down of its own: keys that were
 * just fetched do not keep a rotated one out, and invented names cause no storm.
 */
import { createLocalJWKSet } from "jose";
import type { JSONWebKeySet } from "jose";

import {
  ISSUER_ANSWER_BYTES_MAX,
  ISSUER_COOLDOWN_MS,
  ISSUER_KEYS_AGE_MS,
  ISSUER_KEYS_STALE_MS,
  ISSUER_TIMEOUT_MS,
} from "../limits/admission.ts";

/** Finds the key that a token's header names. */
export type KeyFinder = ReturnType<typeof createLocalJWKSet>;

export interface IssuerKeysOptions {
  readonly issuer: string;
  /** null: discovery. */
  readonly jwksUrl: string | null;
  readonly fetch: typeof fetch;
  /** Monotonic, ms. */
  readonly clockMs: () => number;
  readonly onFetch: (issuer: string, problem: string | null) => void;
}

/**
 * The issuer cannot be asked and its keys are not known: nobody can tell whether a token is good.
 */
export class IssuerAway extends Error {}

interface Held {
  readonly find: KeyFinder;
  readonly fetchedMs: number;
}

export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #held: Held | null = null;
  readonly #triedMs = { age: -Infinity, unknownKey: -Infinity };
  #problem = "its keys were not fetched yet";
  #flight: Promise<void> | null = null;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** The keys as known; fetched if there are none or they are old. Throws IssuerAway. */
  async current(): Promise<KeyFinder> {
    const ageMs = this.#options.clockMs() - (this.#held?.fetchedMs ?? -Infinity);
    if (ageMs > ISSUER_KEYS_AGE_MS) {
      const refreshed = this.#refresh("age");
      // Old keys serve while new ones are on their way.
      if (this.#held === null || ageMs > ISSUER_KEYS_STALE_MS) await refreshed;
    }
    return this.#find();
  }

  /**
   * After a token named an unknown key: fetched anew, unless another one was the reason just now.
   */
  async renewed(): Promise<KeyFinder | null> {
    const before = this.#held;
    await this.#refresh("unknownKey");
    return this.#held === before ? null : this.#find();
  }

  #find(): KeyFinder {
    const { clockMs, issuer } = this.#options;
    if (this.#held === null || clockMs() - this.#held.fetchedMs > ISSUER_KEYS_STALE_MS) {
      throw new IssuerAway(`the keys of ${issuer} are not known: ${this.#problem}`);
    }
    return this.#held.find;
  }

  /** One fetch at a time, and one per cool-down and reason. */
  #refresh(reason: "age" | "unknownKey"): Promise<void> {
    if (this.#flight !== null) return this.#flight;
    const nowMs = this.#options.clockMs();
    if (nowMs - this.#triedMs[reason] < ISSUER_COOLDOWN_MS) return Promise.resolve();
    this.#triedMs[reason] = nowMs;
    this.#flight = this.#fetchKeys().finally(() => {
      this.#flight = null;
    });
    return this.#flight;
  }

  async #fetchKeys(): Promise<void> {
    const { issuer, onFetch, clockMs } = this.#options;
    try {
      const keys = await this.#json(this.#options.jwksUrl ?? (await this.#discover()));
      if (!Array.isArray((keys as { readonly keys?: unknown } | null)?.keys)) {
        throw new Error("its answer is no JWK set");
      }
      // jose checks each key when a token needs it.
      this.#held = { find: createLocalJWKSet(keys as JSONWebKeySet), fetchedMs: clockMs() };
      onFetch(issuer, null);
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      onFetch(issuer, this.#problem);
    }
  }

  /** OpenID Connect Discovery 1.0 §4: the document has to speak for this very issuer (§4.3). */
  async #discover(): Promise<string> {
    const { issuer } = this.#options;
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const document = (await this.#json(url)) as Readonly<Record<string, unknown>> | null;
    if (document?.["issuer"] !== issuer) throw new Error("its discovery names another issuer");
    const jwksUrl = document["jwks_uri"];
    if (typeof jwksUrl !== "string" || !/^https?:\/\//.test(jwksUrl)) {
      throw new Error("its discovery has no jwks_uri");
    }
    return jwksUrl;
  }

  async #json(url: string): Promise<unknown> {
    const signal = AbortSignal.timeout(ISSUER_TIMEOUT_MS);
    const response = await this.#options.fetch(url, { signal, redirect: "error" });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return JSON.parse(await boundedText(response, url));
  }
}

async function boundedText(response: Response, url: string): Promise<string> {
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > ISSUER_ANSWER_BYTES_MAX) {
      throw new Error(`${url} answered more than ${ISSUER_ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
