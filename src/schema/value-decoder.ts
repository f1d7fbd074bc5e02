/**
 * Kafka value → JSON by its writer's schema, which the registry or somebody else gives: what
 * `sluice tail` and the live feed show of a record. Whatever a record holds, the answer is a value:
 * a stranger's record in the topic must not end the reading.
 */
import { DECODE_SCHEMAS_MAX } from "../limits/schemas.ts";
import { parseAvroSchema, SchemaError, type AvroSchema } from "./avro/schema.ts";
import { decodeToJson, REGISTRY_HEADER_BYTES, splitRegistryValue } from "./decode.ts";
import type { RegistryClient, RegistryResult, RegistrySchema } from "./registry.ts";

/** What became of the value of a record. */
export type RecordValue =
  | {
      readonly kind: "avro";
      readonly schemaId: number;
      readonly schemaName: string;
      readonly json: string;
    }
  /** No value: Kafka's mark of deletion. */
  | { readonly kind: "none" }
  /** No Avro, or of a schema that cannot be had. */
  | { readonly kind: "raw"; readonly reason: string };

/** The part of the registry client that is used here. */
export type SchemaSource = Pick<RegistryClient, "schemaById">;

type Found =
  | { readonly kind: "schema"; readonly schema: AvroSchema }
  | { readonly kind: "reason"; readonly reason: string };

/** Decodes the values of any number of records; schemas are parsed once. */
export class ValueDecoder {
  readonly #source: SchemaSource | undefined;
  readonly #schemas = new Map<number, AvroSchema>();

  /** Without a source no value can be decoded; each says so. */
  constructor(source: SchemaSource | undefined) {
    this.#source = source;
  }

  /** At once where the schema is known, else when its source has answered. */
  decode(value: Uint8Array | null): RecordValue | Promise<RecordValue> {
    if (value === null) return { kind: "none" };
    const parts = splitRegistryValue(value);
    if (parts.kind === "other") return { kind: "raw", reason: `This is no Avro: ${parts.reason}.` };
    const { schemaId, body } = parts;
    const known = this.#schemas.get(schemaId);
    if (known !== undefined) return decodeBody(known, schemaId, body);
    return this.#schema(schemaId).then((found) =>
      found.kind === "reason"
        ? { kind: "raw", reason: found.reason }
        : decodeBody(found.schema, schemaId, body),
    );
  }

  async #schema(id: number): Promise<Found> {
    if (this.#source === undefined) {
      return { kind: "reason", reason: "There is no registry to ask for the schema (--registry)." };
    }
    const answer = await this.#source.schemaById(id);
    const found = parseAnswer(id, answer);
    if (found.kind === "schema") {
      // Whoever writes that many schemas into one topic has them parsed again.
      if (this.#schemas.size >= DECODE_SCHEMAS_MAX) this.#schemas.clear();
      this.#schemas.set(id, found.schema);
    }
    return found;
  }
}

function decodeBody(schema: AvroSchema, schemaId: number, body: Uint8Array): RecordValue {
  const decoded = decodeToJson(schema, body);
  if (decoded.kind === "fault") {
    const place = `at byte ${REGISTRY_HEADER_BYTES + decoded.offset}`;
    const reason = `The value does not fit schema ${schemaId}: ${decoded.detail} ${place}.`;
    return { kind: "raw", reason };
  }
  return { kind: "avro", schemaId, schemaName: nameOf(schema), json: decoded.text };
}

function parseAnswer(id: number, answer: RegistryResult<RegistrySchema>): Found {
  switch (answer.kind) {
    case "found":
      try {
        const schema = parseAvroSchema(answer.value.text, answer.value.references);
        return { kind: "schema", schema };
      } catch (error) {
        if (!(error instanceof SchemaError)) throw error;
        return {
          kind: "reason",
          reason: `Schema ${id} of the registry is no Avro: ${error.message}.`,
        };
      }
    case "missing":
      return { kind: "reason", reason: `The registry has no schema ${id}.` };
    case "refused":
    case "unsupported":
    case "failed":
      return {
        kind: "reason",
        reason: `The registry does not give schema ${id}: ${answer.detail}.`,
      };
    default:
      return answer satisfies never;
  }
}

/** Full name of a named type, else the kind of the schema. */
export function nameOf(schema: AvroSchema): string {
  return "name" in schema ? schema.name : schema.kind;
}
