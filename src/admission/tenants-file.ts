/**
 * The text of a tenants file → a table of tenants, or everything that is wrong with it, each in one
 * sentence that names the place. It opens no file; who does hands in the texts.
 */
import { Ajv2020 } from "ajv/dist/2020.js";
import type { ErrorObject } from "ajv/dist/2020.js";

import { TENANT_FAULTS_MAX } from "../limits/admission.ts";
import { originRules } from "./policy.ts";
import type { DeadLetterMode, Dialect, Priority, Quota, SourcePolicy } from "./policy.ts";
import type { TenantPolicy } from "./policy.ts";
import { TENANTS_FILE_SCHEMA } from "./tenants-schema.ts";

interface FileKey {
  readonly sha256: string;
  readonly until?: string;
  readonly scopes?: readonly string[];
}

interface FileSource {
  readonly writeKeys?: readonly FileKey[];
  readonly secretKeys?: readonly FileKey[];
  readonly certificateSubjects?: readonly string[];
  readonly origins?: readonly string[];
  readonly types?: readonly string[];
  readonly dialects?: readonly Dialect[];
  readonly limits?: Quota;
}

interface FileTenant {
  readonly sources: Readonly<Record<string, FileSource>>;
  readonly topics?: Readonly<Record<string, string>>;
  readonly limits?: Quota;
  readonly priority?: Priority;
  readonly deadLetters?: DeadLetterMode;
  readonly privacySaltFile?: string;
  readonly dedupe?: { readonly windowSeconds: number };
  readonly sessions?: { readonly gapMs?: number; readonly lengthMs?: number };
}

/** One trusted issuer of tokens, as the file has it, defaults filled in. */
export interface IssuerRules {
  readonly issuer: string;
  /** null: OpenID Connect discovery. */
  readonly jwksUrl: string | null;
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  readonly tenant: { readonly claim: string } | { readonly name: string };
  /** RFC 6901 pointers to claims. */
  readonly sourceClaim: string;
  readonly rolesClaim: string;
  /** Scopes per role; null: the claim holds scopes themselves. */
  readonly scopes: ReadonlyMap<string, readonly string[]> | null;
}

type FileIssuer = Pick<IssuerRules, "issuer" | "audience" | "algorithms" | "tenant"> & {
  readonly jwksUrl?: string;
  readonly source?: string;
  readonly roles?: string;
  readonly scopes?: Readonly<Record<string, readonly string[]>>;
};

interface TenantsFile {
  readonly tenants: Readonly<Record<string, FileTenant>>;
  readonly issuers?: readonly FileIssuer[];
}

/** A key of the table, found by its digest. */
export interface KeyEntry {
  /** SHA-256 of the key, 64 hex digits; of a certificate its certificateName. */
  readonly sha256: string;
  readonly kind: "write" | "secret" | "certificate";
  readonly scopes: readonly string[];
  /** Wall clock, ms since 1970; Infinity: no end. */
  readonly untilMs: number;
  readonly source: SourcePolicy;
}

export interface TenantTable {
  readonly keys: ReadonlyMap<string, KeyEntry>;
  /** By `tenant/source`. */
  readonly sources: ReadonlyMap<string, SourcePolicy>;
  readonly issuers: readonly IssuerRules[];
}

export type ReadTenants =
  | { readonly kind: "table"; readonly table: TenantTable }
  | { readonly kind: "faults"; readonly faults: readonly string[] };

export interface TenantsFileOptions {
  /** Text of a salt file; throws with a sentence if it cannot be read. */
  readonly readSalt: (path: string) => string;
  /** Types that the pack has; null: not checked. */
  readonly types: ReadonlySet<string> | null;
  /** Number of a tenant: the same for the same name as long as the process lives. */
  readonly numberOf: (tenant: string) => number;
}

const WRITE_SCOPES = ["write:*"] as const;
const SALT_BYTES_MIN = 16;

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

const ajv = new Ajv2020({ allErrors: true, verbose: true });
ajv.addFormat("date-time", (text: string) => RFC3339.test(text) && !Number.isNaN(Date.parse(text)));
const validate = ajv.compile<TenantsFile>(TENANTS_FILE_SCHEMA);

/** Reads the text of a tenants file. */
export function readTenants(text: string, options: TenantsFileOptions): ReadTenants {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The rest of the message quotes the text, in which a key may stand.
    const [place = ""] = /at position \d+|at line \d+ column \d+/.exec(String(error)) ?? [];
    return { kind: "faults", faults: [`it is not JSON ${place}`.trimEnd()] };
  }
  if (!validate(value)) return { kind: "faults", faults: sentences(validate.errors ?? []) };
  return new TableMaker(options).make(value);
}

/** Where a certificate stands among the keys: no digest of a key looks like it. */
export function certificateName(subject: string): string {
  return `certificate:${subject}`;
}

/** A source may be named by tokens, so both names together find it. */
export function sourceName(tenant: string, source: string): string {
  return `${tenant}/${source}`;
}

class TableMaker {
  readonly #options: TenantsFileOptions;
  readonly #faults: string[] = [];
  readonly #keys = new Map<string, KeyEntry>();
  readonly #sources = new Map<string, SourcePolicy>();

  constructor(options: TenantsFileOptions) {
    this.#options = options;
  }

  make(file: TenantsFile): ReadTenants {
    for (const [name, tenant] of Object.entries(file.tenants)) this.#addTenant(name, tenant);
    const issuers = (file.issuers ?? []).map((issuer) => issuerRules(issuer));
    for (const [index, { issuer }] of issuers.entries()) {
      if (issuers.findIndex((other) => other.issuer === issuer) < index) {
        this.#faults.push(`/issuers/${index}/issuer: this issuer stands in the list twice`);
      }
    }
    const faults = this.#faults.slice(0, TENANT_FAULTS_MAX);
    if (faults.length > 0) return { kind: "faults", faults };
    return { kind: "table", table: { keys: this.#keys, sources: this.#sources, issuers } };
  }

  #addTenant(name: string, file: FileTenant): void {
    const path = `/tenants/${name}`;
    const topics = new Map(Object.entries(file.topics ?? {}));
    this.#checkTypes(topics.keys(), `${path}/topics`);
    const tenant: TenantPolicy = {
      tenant: name,
      number: this.#options.numberOf(name),
      topics,
      quota: file.limits ?? {},
      priority: file.priority ?? "normal",
      deadLetters: file.deadLetters ?? null,
      privacySalt: this.#salt(file.privacySaltFile, `${path}/privacySaltFile`),
      dedupeMs: (file.dedupe?.windowSeconds ?? 0) * 1_000,
      sessions: file.sessions ?? {},
    };
    for (const [sourceKey, source] of Object.entries(file.sources)) {
      this.#addSource(tenant, source, { name: sourceKey, path: `${path}/sources/${sourceKey}` });
    }
  }

  #addSource(
    tenant: TenantPolicy,
    file: FileSource,
    { name, path }: { readonly name: string; readonly path: string },
  ): void {
    const { types, dialects, origins } = file;
    this.#checkTypes(types ?? [], `${path}/types`);
    const source: SourcePolicy = {
      tenant,
      source: name,
      types: types === undefined ? null : new Set(types),
      dialects: dialects === undefined ? null : new Set(dialects),
      origins: origins === undefined ? null : originRules(origins),
      quota: file.limits ?? {},
    };
    this.#sources.set(sourceName(tenant.tenant, name), source);
    for (const [index, key] of (file.writeKeys ?? []).entries()) {
      this.#addKey({ ...entry(key, source), kind: "write" }, `${path}/writeKeys/${index}`);
      if (key.scopes !== undefined) {
        this.#faults.push(`${path}/writeKeys/${index}/scopes: a write key may send, nothing else`);
      }
    }
    for (const [index, key] of (file.secretKeys ?? []).entries()) {
      this.#addKey({ ...entry(key, source), kind: "secret" }, `${path}/secretKeys/${index}`);
    }
    for (const [index, subject] of (file.certificateSubjects ?? []).entries()) {
      const certificate = { ...entry({ sha256: certificateName(subject) }, source) };
      this.#addKey({ ...certificate, kind: "certificate" }, `${path}/certificateSubjects/${index}`);
    }
  }

  #addKey(key: KeyEntry, path: string): void {
    if (this.#keys.has(key.sha256)) {
      this.#faults.push(`${path}: this key stands in the file twice; a key belongs to one source`);
    }
    this.#keys.set(key.sha256, key);
  }

  #salt(path: string | undefined, place: string): string | null {
    if (path === undefined) return null;
    try {
      const salt = this.#options.readSalt(path).trim();
      if (Buffer.byteLength(salt) >= SALT_BYTES_MIN) return salt;
      this.#faults.push(`${place}: the salt has at least ${SALT_BYTES_MIN} bytes`);
    } catch (error) {
      this.#faults.push(`${place}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return null;
  }

  #checkTypes(types: Iterable<string>, path: string): void {
    const known = this.#options.types;
    if (known === null) return;
    for (const type of types) {
      if (known.has(type)) continue;
      this.#faults.push(`${path}: the pack has no type ${JSON.stringify(type)}`);
    }
  }
}

function entry(key: FileKey, source: SourcePolicy): Omit<KeyEntry, "kind"> {
  return {
    sha256: key.sha256,
    scopes: key.scopes ?? WRITE_SCOPES,
    untilMs: key.until === undefined ? Infinity : Date.parse(key.until),
    source,
  };
}

function issuerRules(file: FileIssuer): IssuerRules {
  return {
    issuer: file.issuer,
    jwksUrl: file.jwksUrl ?? null,
    audience: file.audience,
    algorithms: file.algorithms,
    tenant: file.tenant,
    sourceClaim: file.source ?? "/azp",
    rolesClaim: file.roles ?? "/scope",
    scopes: file.scopes === undefined ? null : new Map(Object.entries(file.scopes)),
  };
}

/** What the schema objects to, without the errors that only say that another one is there. */
function sentences(errors: readonly ErrorObject[]): readonly string[] {
  const telling = errors.filter(
    ({ keyword }) => keyword !== "oneOf" && keyword !== "propertyNames",
  );
  const shown = telling.length > 0 ? telling : errors;
  return [...new Set(shown.map((error) => sentence(error)))].slice(0, TENANT_FAULTS_MAX);
}

/** Somebody may have written a key itself here: it is never repeated. */
const KEY_PLACE = /\/(?:writeKeys|secretKeys)(?:\/|$)/;

function sentence(error: ErrorObject): string {
  const place = error.instancePath === "" ? "the file" : error.instancePath;
  if (error.keyword === "additionalProperties") {
    // Ajv's own parameters of this keyword.
    const { additionalProperty } = error.params as { readonly additionalProperty: string };
    const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
    const name = JSON.stringify(additionalProperty);
    return `${place}: unknown member ${name}; known are ${known.join(", ")}`;
  }
  if (error.propertyName !== undefined) {
    const name = JSON.stringify(error.propertyName);
    return `${place}: the name ${name} has to match ${String(error.schema)}`;
  }
  if (error.keyword === "enum") {
    const values = (error.schema as readonly string[]).join(", ");
    return `${place}: expected one of ${values}, got ${shownValue(error.data)}`;
  }
  if (error.keyword === "required") return `${place}: ${error.message ?? "a member is missing"}`;
  if (KEY_PLACE.test(place)) return `${place}: ${error.message ?? "is not valid"}`;
  return `${place}: ${error.message ?? "is not valid"}, got ${shownValue(error.data)}`;
}

/** A short look at what stands there; never long, never over several lines. */
function shownValue(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
