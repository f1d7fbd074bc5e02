/**
 * One schema of one event type, parsed and accepted: what the rest of sluice gets from this room.
 */
import { fingerprint64 } from "./avro/canonical.ts";
import { type AvroSchema, parseAvroSchema, SchemaError } from "./avro/schema.ts";
import type { PackType } from "./pack.ts";
import type { RegistrySchema } from "./registry.ts";

export interface TypeSchema {
  readonly type: PackType;
  readonly schemaId: number;
  readonly version: number;
  readonly subject: string;
  readonly text: string;
  /** Texts whose named types `text` uses, each after those it needs itself. */
  readonly references: readonly string[];
  readonly schema: AvroSchema;
  /** CRC-64-AVRO, unsigned. */
  readonly fingerprint: bigint;
  /** How an event named it; absent: it is the type's own. */
  readonly schemaRef?: string;
}

/** Why there is no schema; `schema_unknown` is final, `registry_unavailable` is `retry`. */
export interface SchemaFault {
  readonly kind: "fault";
  readonly code: "schema_unknown" | "registry_unavailable";
  readonly detail: string;
}

export function unknown(detail: string): SchemaFault {
  return { kind: "fault", code: "schema_unknown", detail };
}

export function unavailable(detail: string): SchemaFault {
  return { kind: "fault", code: "registry_unavailable", detail };
}

/** A schema text with its numbers in a registry. */
export interface NumberedSchema extends RegistrySchema {
  readonly schemaId: number;
  readonly version: number;
}

/** Says why a schema cannot be used although it is sound Avro; undefined: it can. */
export type AcceptSchema = (schema: TypeSchema) => string | undefined;

/** Parses the schema for the type; a string says why it cannot be used. */
export function readTypeSchema(
  type: PackType,
  numbered: NumberedSchema,
  accept: AcceptSchema,
): TypeSchema | string {
  const { schemaId, version, text, references } = numbered;
  try {
    const schema = parseAvroSchema(text, references);
    if (schema.kind !== "record") return `it is of the kind ${schema.kind}, not a record`;
    const fingerprint = fingerprint64(schema);
    const { subject } = type;
    const read = { type, schemaId, version, subject, text, references, schema, fingerprint };
    return accept(read) ?? read;
  } catch (error) {
    if (error instanceof SchemaError) return error.message;
    throw error;
  }
}
