/**
 * Client of a schema registry with the Confluent API (Confluent, Karapace, Apicurio, Redpanda):
 * what is asked, what the answers mean, and a cache of what cannot change. It does not know which
 * schemas sluice needs, nor what is in them.
 */
import {
  REGISTRY_ABSENT_MAX,
  REGISTRY_ABSENT_MS,
  REGISTRY_DEADLINE_MS,
  REGISTRY_SCHEMAS_MAX,
  SCHEMA_REFERENCE_DEPTH_MAX,
  SCHEMA_REFERENCES_MAX,
} from "../limits/schemas.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { FlightCache } from "./flight-cache.ts";
import {
  type Reference,
  readCompatibility,
  readErrorCode,
  readId,
  readNumbers,
  readSchema,
  readUses,
  readVersion,
  type SchemaUse,
} from "./registry-answers.ts";
import { type RegistryAuth, RegistryHttp, type RegistryRequest } from "./registry-http.ts";

const HTTP_CONFLICT = 409;

export interface RegistryClientOptions {
  /** Base URLs, each perhaps with a path (Apicurio: …/apis/ccompat/v7); tried in turn. */
  readonly urls: readonly string[];
  /** One try. */
  readonly timeoutMs: number;
  /** All tries of one call; 10 s unless given. */
  readonly deadlineMs?: number;
  /** For URLs that hold no user of their own. */
  readonly auth?: RegistryAuth;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
}

/** A schema and the texts it refers to, each after those it needs itself. */
export interface RegistrySchema {
  readonly text: string;
  readonly references: readonly string[];
}

export interface RegistryVersion extends RegistrySchema {
  readonly subject: string;
  readonly id: number;
  readonly version: number;
}

export interface RegistryFailure {
  readonly kind: "missing" | "refused" | "unsupported" | "failed";
  /** error_code of the registry (40401 …, 409, 42201 …), else the HTTP status, else 0. */
  readonly code: number;
  /** A phrase for people, without credentials. */
  readonly detail: string;
}

/**
 * `missing`: the registry knows no such subject, version or schema. `refused`: it will not do this
 * (incompatible, invalid, not allowed). `unsupported`: it has no such endpoint, or the URL's path
 * is wrong. `failed`: it is down, too slow, or makes no sense.
 */
export type RegistryResult<T> = { readonly kind: "found"; readonly value: T } | RegistryFailure;

export class RegistryClient {
  readonly #http: RegistryHttp;
  readonly #byId: FlightCache<RegistryResult<RegistrySchema>>;
  readonly #versions: FlightCache<RegistryResult<RegistryVersion>>;

  /** Throws TypeError if there is no URL or one is not http(s). */
  constructor(options: RegistryClientOptions) {
    const clock = options.clock ?? SYSTEM_CLOCK;
    this.#http = new RegistryHttp({
      deadlineMs: REGISTRY_DEADLINE_MS,
      fetch: globalThis.fetch,
      ...options,
      clock,
    });
    const bounds = { lastingMax: REGISTRY_SCHEMAS_MAX, passingMax: REGISTRY_ABSENT_MAX, clock };
    this.#byId = new FlightCache(bounds);
    this.#versions = new FlightCache(bounds);
  }

  /** The URLs without credentials. */
  get addresses(): readonly string[] {
    return this.#http.addresses;
  }

  /** Ends what is under way; every further call is `failed`. */
  close(): void {
    this.#http.close();
  }

  /** Forgets what was thought to be unchangeable: the registry has lost its data. */
  forget(): void {
    this.#byId.clear();
    this.#versions.clear();
  }

  /** The schema of an id; cached for ever, "missing" for a while. */
  schemaById(id: number): Promise<RegistryResult<RegistrySchema>> {
    return this.#byId.get(String(id), async () => {
      const found = await this.#get(`/schemas/ids/${id}`, readSchema);
      return keep(found.kind === "found" ? await this.#complete(found.value) : found);
    });
  }

  /** Where the id is used; `unsupported` on registries that cannot tell. */
  usesOfId(id: number): Promise<RegistryResult<readonly SchemaUse[]>> {
    return this.#get(`/schemas/ids/${id}/versions`, readUses);
  }

  /** The newest version of a subject; never cached. */
  latest(subject: string): Promise<RegistryResult<RegistryVersion>> {
    return this.#version(subject, "latest");
  }

  /** One version of a subject; cached for ever, "missing" for a while. */
  version(subject: string, version: number): Promise<RegistryResult<RegistryVersion>> {
    const key = JSON.stringify([subject, version]);
    return this.#versions.get(key, async () => keep(await this.#version(subject, version)));
  }

  /** The numbers of all versions, ascending. */
  versions(subject: string): Promise<RegistryResult<readonly number[]>> {
    return this.#get(`${subjectPath(subject)}/versions`, readNumbers);
  }

  /** The version of the subject that has this very schema. */
  async lookup(subject: string, text: string): Promise<RegistryResult<{ readonly id: number }>> {
    return this.#post(subjectPath(subject), { schema: text }, readId);
  }

  /** Adds the schema to the subject, or finds it there. */
  async register(subject: string, text: string): Promise<RegistryResult<{ readonly id: number }>> {
    return this.#post(`${subjectPath(subject)}/versions`, { schema: text }, readId);
  }

  /**
   * The same for a subject that is not there yet, which other processes may make at this moment: of
   * two some registries refuse one, although it is there then.
   */
  async registerFirst(
    subject: string,
    text: string,
  ): Promise<RegistryResult<{ readonly id: number }>> {
    const first = await this.register(subject, text);
    const isTaken = first.kind === "refused" && first.code === HTTP_CONFLICT;
    return isTaken ? await this.register(subject, text) : first;
  }

  /** May the schema follow the newest version? `missing`: the subject has none yet. */
  async checkCompatibility(
    subject: string,
    text: string,
  ): Promise<
    RegistryResult<{ readonly compatible: boolean; readonly messages: readonly string[] }>
  > {
    const path = `/compatibility${subjectPath(subject)}/versions/latest?verbose=true`;
    return this.#post(path, { schema: text }, readCompatibility);
  }

  async #version(
    subject: string,
    version: number | "latest",
  ): Promise<RegistryResult<RegistryVersion>> {
    const found = await this.#get(`${subjectPath(subject)}/versions/${version}`, readVersion);
    if (found.kind !== "found") return found;
    const complete = await this.#complete(found.value);
    if (complete.kind !== "found") return complete;
    const { id, version: number } = found.value;
    return { kind: "found", value: { ...complete.value, subject, id, version: number } };
  }

  /** Fetches what the schema refers to, directly or not; each version once. */
  async #complete(schema: {
    readonly text: string;
    readonly references: readonly Reference[];
  }): Promise<RegistryResult<RegistrySchema>> {
    const texts = new Map<string, string>();
    const visited = new Set<string>();
    const visit = async (
      references: readonly Reference[],
      depth: number,
    ): Promise<RegistryFailure | undefined> => {
      for (const { subject, version } of references) {
        const key = JSON.stringify([subject, version]);
        if (visited.has(key)) continue;
        visited.add(key);
        if (visited.size > SCHEMA_REFERENCES_MAX || depth > SCHEMA_REFERENCE_DEPTH_MAX) {
          const detail =
            `the schema has more than ${SCHEMA_REFERENCES_MAX} references, or they are ` +
            `nested deeper than ${SCHEMA_REFERENCE_DEPTH_MAX}`;
          return { kind: "refused", code: 0, detail };
        }
        const found = await this.#get(`${subjectPath(subject)}/versions/${version}`, readVersion);
        if (found.kind !== "found") {
          return { ...found, kind: found.kind === "missing" ? "refused" : found.kind };
        }
        const failure = await visit(found.value.references, depth + 1);
        if (failure !== undefined) return failure;
        texts.set(key, found.value.text);
      }
      return undefined;
    };
    const failure = await visit(schema.references, 1);
    return (
      failure ?? { kind: "found", value: { text: schema.text, references: [...texts.values()] } }
    );
  }

  #get<T>(path: string, read: (json: unknown) => T | string): Promise<RegistryResult<T>> {
    return this.#call({ method: "GET", path }, read);
  }

  #post<T>(
    path: string,
    body: unknown,
    read: (json: unknown) => T | string,
  ): Promise<RegistryResult<T>> {
    return this.#call({ method: "POST", path, body }, read);
  }

  /** `read` gives the value, or a phrase that says what is wrong with the answer. */
  async #call<T>(
    request: RegistryRequest,
    read: (json: unknown) => T | string,
  ): Promise<RegistryResult<T>> {
    const answer = await this.#http.send(request);
    if (answer.kind === "none") return { kind: "failed", code: 0, detail: answer.detail };
    const { status, json } = answer;
    if (status < 300) {
      const value = read(json);
      return typeof value === "string"
        ? { kind: "failed", code: status, detail: value }
        : { kind: "found", value };
    }
    const { code, message } = readErrorCode(json);
    if (status === 404 && !isAbsence(code)) {
      const detail = "it has no such endpoint; the path of its URL may be wrong";
      return { kind: "unsupported", code: status, detail };
    }
    const detail = message === "" ? `it answered with status ${status}` : message;
    if (status === 404) return { kind: "missing", code, detail };
    const isFailure = status === 408 || status === 429 || status >= 500;
    return { kind: isFailure ? "failed" : "refused", code: code === 0 ? status : code, detail };
  }
}

/** 40401 subject, 40402 version, 40403 schema, 40404 … 40410 deleted or not configured. */
function isAbsence(code: number): boolean {
  return code > 40_400 && code < 40_500;
}

function keep<T>(value: RegistryResult<T>): {
  readonly value: RegistryResult<T>;
  readonly keepMs: number;
} {
  if (value.kind === "found") return { value, keepMs: Number.POSITIVE_INFINITY };
  return { value, keepMs: value.kind === "missing" ? REGISTRY_ABSENT_MS : 0 };
}

/** A subject is encoded once, whatever is in it (":.context:subject" too). */
function subjectPath(subject: string): string {
  return `/subjects/${encodeURIComponent(subject)}`;
}
