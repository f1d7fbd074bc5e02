/**
 * Kafka value → what `sluice tail` prints of it, with schemas from the registry. Whatever a record
 * holds, the answer is a value: a stranger's record in the topic must not end the reading.
 */
import { DECODE_SCHEMAS_MAX } from "../limits.ts";
import { parseAvroSchema, SchemaError, type AvroSchema } from "../schema/avro/schema.ts";
import { decodeToJson, splitRegistryValue } from "../schema/decode.ts";
import type { RegistryClient, RegistryResult, RegistrySchema } from "../schema/registry.ts";
import type { RecordValue } from "./record-line.ts";

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

  async decode(value: Uint8Array | null): Promise<RecordValue> {
    if (value === null) return { kind: "none" };
    const parts = splitRegistryValue(value);
    if (parts.kind === "other") return { kind: "raw", reason: `This is no Avro: ${parts.reason}.` };
    const { schemaId, body } = parts;
    const found = await this.#schema(schemaId);
    if (found.kind === "reason") return { kind: "raw", reason: found.reason };
    const decoded = decodeToJson(found.schema, body);
    if (decoded.kind === "fault") {
      const place = `at byte ${value.length - body.length + decoded.offset}`;
      const reason = `The value does not fit schema ${schemaId}: ${decoded.detail} ${place}.`;
      return { kind: "raw", reason };
    }
    return { kind: "avro", schemaId, schemaName: nameOf(found.schema), json: decoded.text };
  }

  async #schema(id: number): Promise<Found> {
    const known = this.#schemas.get(id);
    if (known !== undefined) return { kind: "schema", schema: known };
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
