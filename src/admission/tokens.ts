/**
 * Tokens (JWT, RFC 7519) of trusted issuers → who sends. The issuer is looked up in the tenants
 * file before anything is fetched; algorithms are pinned per issuer, so that a token decides
 * nothing about its own check (RFC 8725).
 */
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from "jose";
import type { JWTPayload, JWTVerifyOptions } from "jose";

import {
  TOKEN_KEY_ID_MAX,
  TOKEN_SCOPES_MAX,
  TOKEN_SKEW_SECONDS,
  TOKEN_SUBJECT_MAX,
} from "../limits/admission.ts";
import { IssuerAway, IssuerKeys } from "./issuer-keys.ts";
import type { IssuerKeysOptions } from "./issuer-keys.ts";
import type { IssuerRules } from "./tenants-file.ts";

/** What a good token says. */
export interface TokenClaims {
  readonly tenant: string;
  readonly source: string;
  readonly scopes: readonly string[];
  /** Wall clock, ms since 1970. */
  readonly expiresAtMs: number;
  readonly issuer: string;
  /** Whom it was given to; null: it names nobody, or by no name that is short enough to keep. */
  readonly subject: string | null;
}

export type CheckedToken =
  | { readonly kind: "claims"; readonly claims: TokenClaims }
  | { readonly kind: "refused"; readonly detail: string }
  | { readonly kind: "away"; readonly detail: string };

export interface TokensOptions extends Pick<IssuerKeysOptions, "fetch" | "clockMs" | "onFetch"> {
  readonly issuers: readonly IssuerRules[];
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

const JWT_FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Does this look like a signed token? */
export function isTokenLike(credentials: string): boolean {
  return JWT_FORM.test(credentials);
}

interface Issuer {
  readonly rules: IssuerRules;
  readonly keys: IssuerKeys;
}

export class Tokens {
  readonly #options: TokensOptions;
  readonly #issuers: ReadonlyMap<string, Issuer>;

  constructor(options: TokensOptions) {
    this.#options = options;
    this.#issuers = new Map(
      options.issuers.map((rules) => {
        const { issuer, jwksUrl } = rules;
        return [issuer, { rules, keys: new IssuerKeys({ ...options, issuer, jwksUrl }) }];
      }),
    );
  }

  get isEmpty(): boolean {
    return this.#issuers.size === 0;
  }

  async check(token: string): Promise<CheckedToken> {
    try {
      const issuer = this.#issuerOf(token);
      if (issuer === null) return refused("the token is of no issuer that is trusted here");
      return this.#read(await this.#verify(token, issuer), issuer.rules);
    } catch (error) {
      if (error instanceof IssuerAway) return { kind: "away", detail: error.message };
      return refused(reasonOf(error));
    }
  }

  /** What the token says of itself only chooses among the issuers of the file. */
  #issuerOf(token: string): Issuer | null {
    const { kid } = decodeProtectedHeader(token);
    if (kid !== undefined && (typeof kid !== "string" || kid.length > TOKEN_KEY_ID_MAX))
      return null;
    const { iss } = decodeJwt(token);
    return typeof iss === "string" ? (this.#issuers.get(iss) ?? null) : null;
  }

  async #verify(token: string, { rules, keys }: Issuer): Promise<JWTPayload> {
    const options: JWTVerifyOptions = {
      issuer: rules.issuer,
      audience: [...rules.audience],
      algorithms: [...rules.algorithms],
      clockTolerance: TOKEN_SKEW_SECONDS,
      requiredClaims: ["exp"],
      currentDate: new Date(this.#options.nowMs()),
    };
    try {
      return (await jwtVerify(token, await keys.current(), options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const renewed = await keys.renewed();
      if (renewed === null) throw error;
      return (await jwtVerify(token, renewed, options)).payload;
    }
  }

  #read(payload: JWTPayload, rules: IssuerRules): CheckedToken {
    const { tenant: from, sourceClaim, rolesClaim } = rules;
    const tenant = "name" in from ? from.name : claim(payload, from.claim);
    const source = claim(payload, sourceClaim);
    if (typeof tenant !== "string" || typeof source !== "string") {
      const missing = typeof tenant === "string" ? sourceClaim : "claim" in from ? from.claim : "";
      return refused(`the token has no claim ${missing}`);
    }
    const scopes = scopesOf(claim(payload, rolesClaim), rules.scopes);
    // jose has checked that exp is there and a number.
    const expiresAtMs = (payload.exp ?? 0) * 1_000;
    const { issuer } = rules;
    const { sub } = payload;
    const subject = typeof sub === "string" && sub.length <= TOKEN_SUBJECT_MAX ? sub : null;
    return { kind: "claims", claims: { tenant, source, scopes, expiresAtMs, issuer, subject } };
  }
}

function refused(detail: string): CheckedToken {
  return { kind: "refused", detail };
}

/** Says which check failed, in words of sluice: what the token holds is not repeated. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `the token's claim ${error.claim} does not hold here`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token is signed by another algorithm";
  if (error instanceof errors.JWKSNoMatchingKey) return "the token's key is not one of its issuer";
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return "the token's signature does not hold";
  }
  return "the token cannot be read";
}

/** The value an RFC 6901 pointer leads to among the token's own claims. */
function claim(payload: JWTPayload, pointer: string): unknown {
  let value: unknown = payload;
  for (const step of pointer.slice(1).split("/")) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
      return undefined;
    }
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

const SCOPE_FORM = /^[a-z]+:\S{1,200}$/;

function scopesOf(
  roles: unknown,
  scopesByRole: ReadonlyMap<string, readonly string[]> | null,
): readonly string[] {
  const list = typeof roles === "string" ? roles.split(" ") : Array.isArray(roles) ? roles : [];
  const names = list.filter((name): name is string => typeof name === "string");
  const scopes =
    scopesByRole === null
      ? names.filter((name) => SCOPE_FORM.test(name))
      : names.flatMap((name) => scopesByRole.get(name) ?? []);
  return [...new Set(scopes)].slice(0, TOKEN_SCOPES_MAX);
}
