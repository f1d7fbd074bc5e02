/**
 * Finds the schema that an event names for itself: an id, `fp:` and a fingerprint, its subject, or
 * `subject:version`. It has to be a schema of the type's subject, so that no event can be stored
 * with a schema its topic does not have. Look-ups are bounded in number, rate and time, because
 * whoever sends events chooses the names.
 */
import {
  REGISTRY_ABSENT_MAX,
  REGISTRY_ABSENT_MS,
  RESOLVE_BURST,
  RESOLVE_DEADLINE_MS,
  RESOLVE_FLIGHTS_MAX,
  RESOLVE_PER_SECOND,
  RESOLVE_UNAVAILABLE_MS,
  RESOLVED_SCHEMAS_MAX,
} from "../limits/schemas.ts";
import type { Clock } from "./clock.ts";
import { FlightCache, type Loaded } from "./flight-cache.ts";
import type { PackType } from "./pack.ts";
import type { RegistryClient } from "./registry.ts";
import { isNamed, readName, type SchemaName, searchSchema } from "./schema-name.ts";
import {
  type AcceptSchema,
  readTypeSchema,
  type SchemaFault,
  type TypeSchema,
  unavailable,
  unknown,
} from "./type-schema.ts";

export type Resolution = { readonly kind: "schema"; readonly schema: TypeSchema } | SchemaFault;

export interface ResolverOptions {
  /** null: there is nothing but the types' own schemas. */
  readonly registry: RegistryClient | null;
  readonly accept: AcceptSchema;
  readonly clock: Clock;
}

export class SchemaResolver {
  readonly #options: ResolverOptions;
  readonly #cache: FlightCache<Resolution>;
  #tokens = RESOLVE_BURST;
  #tokensAtMs: number;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#tokensAtMs = options.clock.monotonicMs();
    this.#cache = new FlightCache({
      lastingMax: RESOLVED_SCHEMAS_MAX,
      passingMax: REGISTRY_ABSENT_MAX,
      clock: options.clock,
    });
  }

  /** Forgets everything: the registry has lost its data, so its numbers mean nothing any more. */
  forget(): void {
    this.#cache.clear();
  }

  /** `current`: the type's own schema, or why it has none. Never rejects. */
  async resolve(
    type: PackType,
    ref: string,
    current: TypeSchema | SchemaFault,
  ): Promise<Resolution> {
    const name = readName(ref, type.subject);
    if (name === undefined) {
      return unknown(`"${shorten(ref)}" names no schema of the subject "${type.subject}"`);
    }
    if ("kind" in current) {
      if (name.kind === "current") return current;
    } else if (isNamed(name, current)) {
      return { kind: "schema", schema: { ...current, schemaRef: ref } };
    }
    const { registry } = this.#options;
    if (registry === null) {
      return unknown(`the subject "${type.subject}" has no schema "${shorten(ref)}"`);
    }
    const key = JSON.stringify([type.type, ref]);
    if (!this.#cache.isKnown(key) && !this.#mayLook()) {
      return unavailable("too many schemas that were not seen before are asked for at the moment");
    }
    return this.#inTime(this.#cache.get(key, () => this.#load(registry, { type, ref, name })));
  }

  async #load(
    registry: RegistryClient,
    asked: { readonly type: PackType; readonly ref: string; readonly name: SchemaName },
  ): Promise<Loaded<Resolution>> {
    const { type, ref, name } = asked;
    const search = await searchSchema(registry, type.subject, name);
    if (search.kind === "fault") {
      const isFinal = search.code === "schema_unknown";
      return { value: search, keepMs: isFinal ? REGISTRY_ABSENT_MS : RESOLVE_UNAVAILABLE_MS };
    }
    const schema = readTypeSchema(type, search.schema, this.#options.accept);
    if (typeof schema === "string") {
      const fault = unknown(`the schema "${ref}" cannot be used: ${schema}`);
      return { value: fault, keepMs: REGISTRY_ABSENT_MS };
    }
    const value: Resolution = { kind: "schema", schema: { ...schema, schemaRef: ref } };
    return { value, keepMs: Number.POSITIVE_INFINITY };
  }

  /**
   * The answer, or `retry` at the deadline; the look-up goes on and is there for the next event.
   */
  #inTime(answer: Promise<Resolution>): Promise<Resolution> {
    const late = Promise.withResolvers<Resolution>();
    const cancel = this.#options.clock.after(RESOLVE_DEADLINE_MS, () =>
      late.resolve(unavailable(`the registry did not answer within ${RESOLVE_DEADLINE_MS} ms`)),
    );
    return Promise.race([answer, late.promise]).finally(cancel);
  }

  /** One look-up is taken from the allowance, if there is one. */
  #mayLook(): boolean {
    if (this.#cache.flights >= RESOLVE_FLIGHTS_MAX) return false;
    const nowMs = this.#options.clock.monotonicMs();
    const earned = ((nowMs - this.#tokensAtMs) / 1_000) * RESOLVE_PER_SECOND;
    this.#tokens = Math.min(this.#tokens + earned, RESOLVE_BURST);
    this.#tokensAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

function shorten(ref: string): string {
  return ref.length > 80 ? `${ref.slice(0, 80)}…` : ref;
}
