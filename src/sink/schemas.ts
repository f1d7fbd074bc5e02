/**
 * Schemas by their number in the registry, parsed once. It tells a schema that is not there, which
 * makes its records dead letters, from a registry that does not answer, which has to be waited for.
 */
import { DECODE_SCHEMAS_MAX, REGISTRY_ABSENT_MS } from "../limits/schemas.ts";
import { parseAvroSchema, SchemaError, type AvroRecord } from "../schema/avro/schema.ts";
import type { RegistryClient } from "../schema/registry.ts";

export type FoundSchema =
  | { readonly kind: "schema"; readonly schema: AvroRecord }
  /** A phrase. */
  | { readonly kind: "unusable"; readonly reason: string };

/** The registry does not give a schema now; the message is a phrase. */
export class RegistryAway extends Error {}

export class SinkSchemas {
  readonly #registry: Pick<RegistryClient, "schemaById">;
  readonly #nowMs: () => number;
  readonly #found = new Map<number, FoundSchema>();
  /** Numbers the registry does not have, and when it said so. */
  readonly #missing = new Map<number, number>();

  constructor(registry: Pick<RegistryClient, "schemaById">, nowMs: () => number) {
    this.#registry = registry;
    this.#nowMs = nowMs;
  }

  /** Undefined: load it first. */
  known(id: number): FoundSchema | undefined {
    const missedAtMs = this.#missing.get(id);
    if (missedAtMs !== undefined && this.#nowMs() - missedAtMs < REGISTRY_ABSENT_MS) {
      return { kind: "unusable", reason: `the registry has no schema ${id}` };
    }
    return this.#found.get(id);
  }

  /** @throws {RegistryAway} when the registry does not say */
  async load(id: number): Promise<void> {
    const answer = await this.#registry.schemaById(id);
    switch (answer.kind) {
      case "found":
        this.#keep(id, parse(answer.value));
        break;
      // It may be registered at any moment.
      case "missing":
        if (this.#missing.size >= DECODE_SCHEMAS_MAX) this.#missing.clear();
        this.#missing.set(id, this.#nowMs());
        break;
      case "unsupported":
        this.#keep(id, { kind: "unusable", reason: `schema ${id}: ${answer.detail}` });
        break;
      case "refused":
      case "failed":
        throw new RegistryAway(answer.detail);
      default:
        answer satisfies never;
    }
  }

  #keep(id: number, found: FoundSchema): void {
    if (this.#found.size >= DECODE_SCHEMAS_MAX) this.#found.clear();
    this.#missing.delete(id);
    this.#found.set(id, found);
  }
}

function parse(value: {
  readonly text: string;
  readonly references: readonly string[];
}): FoundSchema {
  try {
    const schema = parseAvroSchema(value.text, value.references);
    if (schema.kind === "record") return { kind: "schema", schema };
    return { kind: "unusable", reason: `the schema is of the kind ${schema.kind}, not a record` };
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return { kind: "unusable", reason: `the schema is no Avro: ${error.message}` };
  }
}
