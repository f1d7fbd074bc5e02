/**
 * Avro schemas as TypeScript: what a sender may put into `data`, by mapping.md's JSON forms. Pure.
 * TypeScript says less than a schema does: ranges, lengths and formats of strings are left to the
 * gateway; aliases and the tag form of unions are not offered.
 */
import type {
  AvroEnum,
  AvroField,
  AvroFixed,
  AvroPrimitive,
  AvroRecord,
  AvroSchema,
} from "../schema/avro/schema.ts";

export interface EventType {
  /** As `track` takes it. */
  readonly type: string;
  readonly schema: AvroSchema;
  readonly json: "plain" | "avro";
}

/** Spaces of one level. */
const INDENT = "  ";

/** The text of a .d.ts file: a declaration for each named type, and `Events`, all by type. */
export function typescriptTypes(events: readonly EventType[], origin: string): string {
  const writer = new TypeWriter();
  const members = events.map(({ type, schema, json }) => {
    return `${INDENT}${JSON.stringify(type)}: ${writer.typeOf(schema, { json })};`;
  });
  return [
    `// What may be sent, made from Avro schemas by: ${origin}`,
    "",
    ...writer.declarations,
    "export interface Events {",
    ...members,
    "}",
    "",
  ].join("\n");
}

interface Place {
  readonly json: "plain" | "avro";
  /** `sluice.from` of the field. */
  readonly from?: AvroField["from"] | undefined;
}

class TypeWriter {
  readonly declarations: string[] = [];
  readonly #names = new Map<AvroSchema, string>();
  /** What each name stands for; schemas of several files may describe the same type. */
  readonly #bodies = new Map<string, string>();

  typeOf(schema: AvroSchema, place: Place): string {
    switch (schema.kind) {
      case "record":
      case "enum":
        return this.#nameOf(schema, place.json);
      case "array":
        return `readonly ${bracketed(this.typeOf(schema.items, { json: place.json }))}[]`;
      case "map":
        return `{ [key: string]: ${this.typeOf(schema.values, { json: place.json })} }`;
      case "union":
        return this.#unionOf(schema.branches, place);
      default:
        return scalarOf(schema, place);
    }
  }

  #unionOf(branches: readonly AvroSchema[], place: Place): string {
    const types = branches.map((branch) => {
      const type = this.typeOf(branch, place);
      if (place.json === "plain" || branch.kind === "null") return type;
      const tag = "name" in branch ? branch.name : branch.kind;
      return `{ ${JSON.stringify(tag)}: ${type} }`;
    });
    return [...new Set(types.flatMap((type) => type.split(" | ")))].join(" | ");
  }

  #nameOf(schema: AvroRecord | AvroEnum, json: Place["json"]): string {
    const known = this.#names.get(schema);
    if (known !== undefined) return known;
    const short = pascalCase(schema.name.slice(schema.name.lastIndexOf(".") + 1));
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? short : `${short}${number}`;
      if (name === "Events") continue;
      // Set before its fields are looked at: it may hold itself.
      this.#names.set(schema, name);
      const body = this.#bodyOf(schema, json);
      const taken = this.#bodies.get(name);
      if (taken !== undefined && taken !== body) continue;
      if (taken === undefined) this.#declare(name, body);
      return name;
    }
  }

  #declare(name: string, body: string): void {
    this.#bodies.set(name, body);
    const isRecord = body.startsWith("{");
    this.declarations.push(
      isRecord ? `export interface ${name} ${body}` : `export type ${name} = ${body};`,
      "",
    );
  }

  #bodyOf(schema: AvroRecord | AvroEnum, json: Place["json"]): string {
    if (schema.kind === "enum") {
      return schema.symbols.map((symbol) => JSON.stringify(symbol)).join(" | ");
    }
    const fields = schema.fields.map((field) => {
      const mark = json === "plain" && isOptional(field) ? "?" : "";
      const type = this.typeOf(field.schema, { json, from: field.from });
      return `${INDENT}${field.name}${mark}: ${type};`;
    });
    return ["{", ...fields, "}"].join("\n");
  }
}

/** May it be left out? With a default, with null, or where the gateway writes it. */
function isOptional({ schema, defaultJson, annotations }: AvroField): boolean {
  if (defaultJson !== undefined || annotations["sluice.fill"] !== undefined) return true;
  const branches = schema.kind === "union" ? schema.branches : [];
  return branches.some(({ kind }) => kind === "null");
}

function scalarOf(schema: AvroPrimitive | AvroFixed, { json, from }: Place): string {
  const logical = schema.logical?.type ?? "";
  const isPlain = json === "plain";
  switch (schema.kind) {
    case "null":
      return "null";
    case "boolean":
      return "boolean";
    case "float":
    case "double":
      return "number";
    case "int":
    case "long": {
      const hasText = /^timestamp-(?:millis|micros)$|^date$/.test(logical);
      const isText = isPlain && (hasText || from === "decimal-string");
      return isText ? "number | string" : "number";
    }
    case "string":
      return isPlain && from === "json" ? "unknown" : "string";
    case "bytes":
    case "fixed":
      return isPlain && logical === "decimal" ? "number | string" : "string";
    default:
      return schema satisfies never;
  }
}

function bracketed(type: string): string {
  return type.includes(" | ") ? `(${type})` : type;
}

function pascalCase(name: string): string {
  return name.replaceAll(/(?:^|_)([a-zA-Z0-9])/g, (_, first: string) => first.toUpperCase());
}
