/**
 * Parsing Canonical Form and the 64-bit fingerprint of the Avro specification: two schemas that
 * read the same bytes the same way have the same text and the same number, whatever registry holds
 * them.
 */
import type { AvroSchema } from "./schema.ts";

/**
 * Seed, polynomial and fingerprint of the empty text (Avro specification, "Schema Fingerprints").
 */
const EMPTY = 0xc15d213aa4d7a795n;

const TABLE = new BigUint64Array(256).map((_, index) => {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit++) value = (value >> 1n) ^ (value & 1n ? EMPTY : 0n);
  return value;
});

/** The schema's text with nothing left in it that does not bear on the bytes of a datum. */
export function canonicalForm(schema: AvroSchema): string {
  return render(schema, new Set());
}

/** CRC-64-AVRO of the canonical form, as an unsigned number. */
export function fingerprint64(schema: AvroSchema): bigint {
  let value = EMPTY;
  for (const byte of Buffer.from(canonicalForm(schema))) {
    value = (value >> 8n) ^ (TABLE[Number(value & 0xffn) ^ byte] ?? 0n);
  }
  return value;
}

/** A fingerprint as people and clients write it: 16 hex digits, most significant first. */
export function fingerprintHex(fingerprint: bigint): string {
  return fingerprint.toString(16).padStart(16, "0");
}

function render(schema: AvroSchema, defined: Set<string>): string {
  // Names and symbols hold letters, digits, "_" and "." only, so nothing needs an escape.
  if ("name" in schema) {
    if (defined.has(schema.name)) return `"${schema.name}"`;
    defined.add(schema.name);
  }
  switch (schema.kind) {
    case "union":
      return `[${schema.branches.map((branch) => render(branch, defined)).join(",")}]`;
    case "array":
      return `{"type":"array","items":${render(schema.items, defined)}}`;
    case "map":
      return `{"type":"map","values":${render(schema.values, defined)}}`;
    case "fixed":
      return `{"name":"${schema.name}","type":"fixed","size":${schema.size}}`;
    case "enum": {
      const symbols = schema.symbols.map((symbol) => `"${symbol}"`).join(",");
      return `{"name":"${schema.name}","type":"enum","symbols":[${symbols}]}`;
    }
    case "record": {
      const fields = schema.fields.map(
        (field) => `{"name":"${field.name}","type":${render(field.schema, defined)}}`,
      );
      return `{"name":"${schema.name}","type":"record","fields":[${fields.join(",")}]}`;
    }
    default:
      return `"${schema.kind}"`;
  }
}
