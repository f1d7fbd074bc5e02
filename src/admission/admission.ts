/**
 * Who may send: credentials → principal. Keys are found by their digest; tokens are checked once
 * and remembered until they end; everything follows the table of tenants, also when that is
 * replaced while connections are open. It knows neither HTTP nor WebSockets.
 */
import { RecentMap } from "../lib/recent-map.ts";
import { TOKENS_KEPT_MAX, TOKENS_REFUSED_MAX, TOKEN_REFUSED_MS } from "../limits/admission.ts";
import { CREDENTIALS_MAX, isSameDigest, keyDigest } from "./keys.ts";
import { allowsOrigin } from "./policy.ts";
import type { Dialect, SourcePolicy } from "./policy.ts";
import { certificateName, sourceName } from "./tenants-file.ts";
import type { KeyEntry, TenantTable } from "./tenants-file.ts";
import { isTicketLike } from "./tickets.ts";
import type { Tickets } from "./tickets.ts";
import { isTokenLike } from "./tokens.ts";
import type { Tokens } from "./tokens.ts";

/** The sender as the rest of sluice sees it. */
export interface Principal {
  readonly tenant: string;
  readonly source: string;
  /** What it may do, as `verb:object`: see hasScope. */
  readonly scopes: readonly string[];
  /** Its credentials end then: wall clock, ms since 1970; Infinity: never. */
  readonly expiresAtMs: number;
  /** Under which its key or certificate stands in the table; null: a token, or nothing. */
  readonly keyDigest: string | null;
  /** Who signed its token; null: it has none. */
  readonly issuer: string | null;
  /** Whom that token was given to, its `sub`; null: it names nobody, or there is none. */
  readonly subject: string | null;
  /** What holds for its source now; it changes when the tenants file does. */
  readonly policy: SourcePolicy;
}

export interface Applicant {
  /** Key, token or ticket, null if none was given. */
  readonly credentials: string | null;
  /**
   * Key or token of a cookie; null or absent: none. It counts without other credentials, and from
   * pages that the source names by their origin: browsers add it whatever page asks.
   */
  readonly cookie?: string | null;
  /** Subject of the client's certificate, where one was checked; counts without credentials. */
  readonly certificateSubject?: string;
  /** Value of the Origin header, "" without one. */
  readonly origin: string;
  /** The request came over loopback and no proxy stands between. */
  readonly loopback: boolean;
  /** Where it comes from; "" or absent: not known. */
  readonly address?: string;
  /** The façade it came to; native if absent. */
  readonly dialect?: Dialect;
  /** It opens a connection or speaks for one: tickets count here and nowhere else. */
  readonly isConnection?: boolean;
}

export type Admitted =
  | { readonly kind: "admitted"; readonly principal: Principal }
  | {
      readonly kind: "refused";
      /** unavailable: nobody can tell at the moment. */
      readonly code: "unauthenticated" | "forbidden" | "unavailable";
      readonly detail: string;
    };

/** At once where it can be told, else a promise that never rejects. */
export type Admitting = Admitted | Promise<Admitted>;

export interface AdmissionOptions {
  readonly table: TenantTable;
  readonly tokens: (table: TenantTable) => Tokens;
  readonly tickets: Tickets;
  /** `tenant/source` a loopback request without credentials is taken for; null: nobody. */
  readonly keyless: string | null;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  /** Credentials were shown that are not good. */
  readonly onBadCredentials?: (address: string) => void;
}

type Sender = Omit<Principal, "policy">;

type Welcome = Extract<Admitted, { readonly kind: "admitted" }>;

/** Of who works on this machine and has set no tenants. */
const EVERYTHING = ["write:*", "read:*"] as const;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #listeners: (() => void)[] = [];
  #table: TenantTable;
  #tokens: Tokens;
  /** Write keys that were shown, by their text: they are public. At most those of the table. */
  #writeKeys = new Map<string, KeyEntry>();
  #keyHolders = new Map<KeyEntry, Sender>();
  /** All connections and requests of a key or token share one principal. */
  #welcomes = new WeakMap<Sender, Welcome>();
  #checked = new RecentMap<Sender>(TOKENS_KEPT_MAX);
  #refused = new RecentMap<{ readonly untilMs: number; readonly detail: string }>(
    TOKENS_REFUSED_MAX,
  );

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#tokens = options.tokens(options.table);
  }

  /** From now on another table holds; listeners hear of it and look who is still welcome. */
  replace(table: TenantTable): void {
    this.#table = table;
    this.#tokens = this.#options.tokens(table);
    this.#writeKeys = new Map();
    this.#keyHolders = new Map();
    this.#welcomes = new WeakMap();
    this.#checked = new RecentMap(TOKENS_KEPT_MAX);
    this.#refused = new RecentMap(TOKENS_REFUSED_MAX);
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get table(): TenantTable {
    return this.#table;
  }

  admit(applicant: Applicant): Admitting {
    const admitting = this.#admit(applicant);
    if (!(admitting instanceof Promise)) return this.#noted(admitting, applicant);
    return admitting.then((admitted) => this.#noted(admitted, applicant));
  }

  #noted(admitted: Admitted, { credentials, cookie, address = "" }: Applicant): Admitted {
    const isBad = admitted.kind === "refused" && admitted.code === "unauthenticated";
    if (isBad && (credentials ?? cookie ?? null) !== null)
      this.#options.onBadCredentials?.(address);
    return admitted;
  }

  #admit(applicant: Applicant): Admitting {
    const credentials = applicant.credentials ?? applicant.cookie ?? null;
    if (credentials === null) {
      const certificate = this.#table.keys.get(certificateName(applicant.certificateSubject ?? ""));
      return certificate === undefined
        ? this.#admitKeyless(applicant)
        : this.#admitKey(certificate, applicant);
    }
    const writeKey = this.#writeKeys.get(credentials);
    if (writeKey !== undefined) return this.#admitKey(writeKey, applicant);
    if (credentials.length > CREDENTIALS_MAX) return unknown();
    const digest = keyDigest(credentials);
    const key = this.#table.keys.get(digest);
    if (key !== undefined && isSameDigest(key.sha256, digest)) {
      if (key.kind === "write") this.#writeKeys.set(credentials, key);
      return this.#admitKey(key, applicant);
    }
    if (isTicketLike(credentials)) {
      // Otherwise whoever finds one in a log could have it renewed for ever.
      if (applicant.isConnection !== true) {
        return refused("unauthenticated", "a ticket opens a connection, and is for nothing else");
      }
      return this.#redeem(applicant, credentials);
    }
    if (this.#tokens.isEmpty || !isTokenLike(credentials)) return unknown();
    const sender = this.#checked.get(digest);
    if (sender !== undefined) return this.#welcome(sender, applicant);
    const no = this.#refused.get(digest);
    if (no !== undefined && no.untilMs > this.#options.nowMs()) {
      return refused("unauthenticated", no.detail);
    }
    return this.#checkToken(credentials, { digest, applicant });
  }

  /**
   * Its time is over, or its credentials are not what they were: key, issuer or source were taken
   * away, or the key may do other things now.
   */
  isOver(principal: Principal): boolean {
    return this.endOf(principal) <= this.#options.nowMs();
  }

  /** When its credentials end, as the table has it now: wall clock, ms since 1970. */
  endOf({ keyDigest: digest, issuer, tenant, source, scopes, expiresAtMs }: Sender): number {
    if (!this.#table.sources.has(sourceName(tenant, source))) return 0;
    if (issuer !== null && !this.#table.issuers.some((known) => known.issuer === issuer)) return 0;
    if (digest === null) return expiresAtMs;
    const key = this.#table.keys.get(digest);
    if (key === undefined) return 0;
    const isSame = key.source.tenant.tenant === tenant && key.source.source === source;
    const may = isSame && scopes.every((scope) => key.scopes.includes(scope));
    return may ? Math.min(expiresAtMs, key.untilMs) : 0;
  }

  /** A ticket for what this principal may do. */
  ticketFor(principal: Principal): string {
    const { tenant, source, scopes, expiresAtMs, keyDigest: digest, issuer } = principal;
    const ends = Number.isFinite(expiresAtMs) ? expiresAtMs : null;
    const sender = { tenant, source, scopes, keyDigest: digest, issuer };
    return this.#options.tickets.issue({ ...sender, expiresAtMs: ends });
  }

  #admitKeyless(applicant: Applicant): Admitted {
    const { keyless } = this.#options;
    const policy = keyless === null ? undefined : this.#table.sources.get(keyless);
    if (policy === undefined || !applicant.loopback) {
      return refused("unauthenticated", "a write key is needed");
    }
    // Any page in the user's browser can reach loopback: without a key only local pages may.
    if (applicant.origin !== "" && !isLoopbackOrigin(applicant.origin)) {
      return refused("forbidden", "pages of other hosts need a write key");
    }
    const { tenant } = policy.tenant;
    const sender = { tenant, source: policy.source, scopes: EVERYTHING };
    const forEver = { expiresAtMs: Infinity, keyDigest: null, issuer: null, subject: null };
    return this.#welcome({ ...sender, ...forEver }, applicant);
  }

  #admitKey(key: KeyEntry, applicant: Applicant): Admitted {
    if (key.untilMs <= this.#options.nowMs()) return unknown();
    if (key.kind !== "write" && applicant.origin !== "") {
      return refused(
        "forbidden",
        "a secret key or certificate does not belong into a page; use a write key there",
      );
    }
    return this.#welcome(this.#holderOf(key), applicant);
  }

  #holderOf(key: KeyEntry): Sender {
    const known = this.#keyHolders.get(key);
    if (known !== undefined) return known;
    const { source: policy, scopes, untilMs, sha256 } = key;
    const { tenant } = policy.tenant;
    const sender = { tenant, source: policy.source, scopes, expiresAtMs: untilMs };
    const holder = { ...sender, keyDigest: sha256, issuer: null, subject: null };
    this.#keyHolders.set(key, holder);
    return holder;
  }

  async #redeem(applicant: Applicant, ticket: string): Promise<Admitted> {
    const holder = await this.#options.tickets.redeem(ticket).catch(() => undefined);
    if (holder === undefined) return refused("unavailable", "tickets cannot be checked now");
    if (holder === null) return refused("unauthenticated", "the ticket is used up or not good");
    const sender = { ...holder, expiresAtMs: holder.expiresAtMs ?? Infinity, subject: null };
    const isOver = this.endOf(sender) <= this.#options.nowMs();
    return isOver ? unknown() : this.#welcome(sender, applicant);
  }

  async #checkToken(
    token: string,
    { digest, applicant }: { readonly digest: string; readonly applicant: Applicant },
  ): Promise<Admitted> {
    const table = this.#table;
    const checked = await this.#tokens.check(token);
    if (checked.kind === "away") return refused("unavailable", checked.detail);
    if (checked.kind === "refused") {
      const untilMs = this.#options.nowMs() + TOKEN_REFUSED_MS;
      this.#refused.set(digest, { untilMs, detail: checked.detail });
      return refused("unauthenticated", checked.detail);
    }
    const sender = { ...checked.claims, keyDigest: null };
    if (table === this.#table) this.#checked.set(digest, sender);
    return this.#welcome(sender, applicant);
  }

  /** The credentials are good; may this sender come in by this door? */
  #welcome(sender: Sender, applicant: Applicant): Admitted {
    if (sender.expiresAtMs <= this.#options.nowMs()) {
      return refused("unauthenticated", "the credentials have expired");
    }
    const welcome = this.#welcomes.get(sender) ?? this.#newWelcome(sender);
    if (welcome === null) {
      return refused("forbidden", "the tenants file has no such tenant and source");
    }
    const { policy } = welcome.principal;
    if (applicant.origin !== "" && !allowsOrigin(policy.origins, applicant.origin.toLowerCase())) {
      return refused("forbidden", "pages of this origin may not send with these credentials");
    }
    const isByCookie = applicant.credentials === null && (applicant.cookie ?? null) !== null;
    if (isByCookie && (applicant.origin === "" || policy.origins?.any !== false)) {
      return refused("forbidden", "a cookie counts from pages whose origin the tenants file names");
    }
    const dialect = applicant.dialect ?? "native";
    if (policy.dialects !== null && !policy.dialects.has(dialect)) {
      return refused("forbidden", `these credentials are not for ${dialect} clients`);
    }
    return welcome;
  }

  #newWelcome(sender: Sender): Welcome | null {
    const name = sourceName(sender.tenant, sender.source);
    const atFirst = this.#policyNow(name);
    if (atFirst === undefined) return null;
    const principal = new Admittee(sender, { name, atFirst, now: this.#policyNow });
    const welcome: Welcome = { kind: "admitted", principal };
    this.#welcomes.set(sender, welcome);
    return welcome;
  }

  readonly #policyNow = (name: string): SourcePolicy | undefined => this.#table.sources.get(name);
}

/** A class, because a literal with a getter would have V8 make a hidden class for each. */
class Admittee implements Principal {
  readonly tenant: string;
  readonly source: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
  readonly keyDigest: string | null;
  readonly issuer: string | null;
  readonly subject: string | null;
  readonly #name: string;
  readonly #policyAtFirst: SourcePolicy;
  readonly #policyNow: (name: string) => SourcePolicy | undefined;

  constructor(
    sender: Sender,
    policy: {
      readonly name: string;
      readonly atFirst: SourcePolicy;
      readonly now: (name: string) => SourcePolicy | undefined;
    },
  ) {
    this.tenant = sender.tenant;
    this.source = sender.source;
    this.scopes = sender.scopes;
    this.expiresAtMs = sender.expiresAtMs;
    this.keyDigest = sender.keyDigest;
    this.issuer = sender.issuer;
    this.subject = sender.subject;
    this.#name = policy.name;
    this.#policyAtFirst = policy.atFirst;
    this.#policyNow = policy.now;
  }

  get policy(): SourcePolicy {
    return this.#policyNow(this.#name) ?? this.#policyAtFirst;
  }
}

function unknown(): Admitted {
  return refused("unauthenticated", "unknown write key");
}

function refused(code: "unauthenticated" | "forbidden" | "unavailable", detail: string): Admitted {
  return { kind: "refused", code, detail };
}

const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

function isLoopbackOrigin(origin: string): boolean {
  return LOOPBACK_ORIGIN.test(origin);
}

/** The same tenant and source; a connection stays with those of its hello. */
export function isSameSender(left: Principal, right: Principal | null): boolean {
  return left.tenant === right?.tenant && left.source === right.source;
}
