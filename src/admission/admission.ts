/**
 * Who may send: credentials → principal. Write keys are compared as SHA-256 digests in constant
 * time, so that neither length nor content leaks. It knows neither HTTP nor WebSockets.
 */
import { createHash, timingSafeEqual } from "node:crypto";

/** The sender as the rest of sluice sees it. */
export interface Principal {
  readonly tenant: string;
  readonly source: string;
  /** When the credentials expire, ms since 1970; absent: they do not. */
  readonly expiresAtMs?: number;
}

export function isSameSender(left: Principal, right: Principal | null): boolean {
  return left.tenant === right?.tenant && left.source === right.source;
}

/** Longest credentials that are looked at, in characters; longer ones are unknown. */
const CREDENTIALS_MAX = 8 * 1024;

export interface WriteKey {
  readonly key: string;
  readonly tenant: string;
  readonly source: string;
}

export interface Applicant {
  /** Write key or token, null if none was given. */
  readonly credentials: string | null;
  /** Value of the Origin header, "" without one. */
  readonly origin: string;
  /** The request came over loopback and no proxy stands between. */
  readonly loopback: boolean;
}

export type Admitted =
  | { readonly kind: "admitted"; readonly principal: Principal }
  | {
      readonly kind: "refused";
      readonly code: "unauthenticated" | "forbidden";
      readonly detail: string;
    };

export interface AdmissionOptions {
  readonly writeKeys: readonly WriteKey[];
  /** Who a loopback request without credentials is taken for; null: nobody. */
  readonly keyless: Principal | null;
}

interface HashedKey {
  readonly digest: Buffer;
  readonly principal: Principal;
}

export class Admission {
  readonly #keys: readonly HashedKey[];
  readonly #keyless: Principal | null;

  constructor(options: AdmissionOptions) {
    this.#keys = options.writeKeys.map(({ key, tenant, source }) => ({
      digest: digest(key),
      principal: { tenant, source },
    }));
    this.#keyless = options.keyless;
  }

  admit(applicant: Applicant): Admitted {
    const { credentials, loopback, origin } = applicant;
    if (credentials !== null) return this.#admitKey(credentials);
    if (this.#keyless === null || !loopback) {
      return refused("unauthenticated", "a write key is needed");
    }
    // Any page in the user's browser can reach loopback: without a key only local pages may.
    if (origin !== "" && !isLoopbackOrigin(origin)) {
      return refused("forbidden", "pages of other hosts need a write key");
    }
    return { kind: "admitted", principal: this.#keyless };
  }

  #admitKey(credentials: string): Admitted {
    if (credentials.length > CREDENTIALS_MAX)
      return refused("unauthenticated", "unknown write key");
    const given = digest(credentials);
    let principal: Principal | null = null;
    for (const key of this.#keys) {
      if (timingSafeEqual(key.digest, given)) principal = key.principal;
    }
    if (principal === null) return refused("unauthenticated", "unknown write key");
    return { kind: "admitted", principal };
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}

function refused(code: "unauthenticated" | "forbidden", detail: string): Admitted {
  return { kind: "refused", code, detail };
}

const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

function isLoopbackOrigin(origin: string): boolean {
  return LOOPBACK_ORIGIN.test(origin);
}
