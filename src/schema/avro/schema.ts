/**
 * The Avro schema as a tree: what the plan compiler, the canonical form and the decoder work on. A
 * named type is one object wherever it is used, so a record that contains itself is a cycle. The
 * tree holds only what Avro and sluice give a meaning to; documentation and foreign members are
 * gone, and a malformed logical type is as if it were not there, as Avro demands. parseAvroSchema
 * makes the tree.
 */
import { DEPTH_MAX } from "../../limits/events.ts";
import { SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX } from "../../limits/schemas.ts";
import { DefaultChecker } from "./defaults.ts";
import {
  depthOf,
  describeJson,
  JsonError,
  type JsonNode,
  pointerStep,
  readJson,
  renderJson,
} from "./json.ts";
import { logicalType } from "./logical.ts";
import {
  aliasesOf,
  annotationsOf,
  arrayOf,
  type FromForm,
  has,
  isFromForm,
  type Members,
  type Place,
  textOf,
  typeNames,
} from "./members.ts";
import { fullName, isName, isPrimitive, namespaceOf, type PrimitiveKind } from "./names.ts";
import { fail, SchemaError } from "./schema-error.ts";

// What parseAvroSchema throws belongs to its signature, so it is met under the same address.
export { SchemaError };

export type AvroSchema =
  | AvroPrimitive
  | AvroRecord
  | AvroEnum
  | AvroFixed
  | AvroArray
  | AvroMap
  | AvroUnion;

export interface AvroPrimitive {
  readonly kind: PrimitiveKind;
  readonly logical?: Logical;
}

export interface AvroRecord {
  readonly kind: "record";
  /** Full name: namespace and name. */
  readonly name: string;
  /** Full names. */
  readonly aliases: readonly string[];
  readonly fields: readonly AvroField[];
  readonly logical?: undefined;
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly schema: AvroSchema;
  /** The default as JSON without white space, numbers with all their digits; absent: no default. */
  readonly defaultJson?: string;
  /** `sluice.from`: a further JSON form that is accepted (mapping v1). */
  readonly from?: FromForm;
  /** All members of the field whose name starts with `sluice.`, `sluice.from` among them. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface AvroEnum {
  readonly kind: "enum";
  readonly name: string;
  readonly symbols: readonly string[];
  readonly defaultSymbol?: string;
}

export interface AvroFixed {
  readonly kind: "fixed";
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly logical?: Logical;
}

export interface AvroArray {
  readonly kind: "array";
  readonly items: AvroSchema;
}

export interface AvroMap {
  readonly kind: "map";
  readonly values: AvroSchema;
}

export interface AvroUnion {
  readonly kind: "union";
  readonly branches: readonly AvroSchema[];
}

export type Logical =
  | { readonly type: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly type: PlainLogicalType };

export type PlainLogicalType =
  | "uuid"
  | "date"
  | "time-millis"
  | "time-micros"
  | "timestamp-millis"
  | "timestamp-micros"
  | "timestamp-nanos"
  | "local-timestamp-millis"
  | "local-timestamp-micros"
  | "local-timestamp-nanos"
  | "duration";

/**
 * Reads the text of an .avsc file. `references`: texts whose named types it may use, each after
 * those it needs itself. Comments in the style of C are allowed. Throws SchemaError.
 */
export function parseAvroSchema(text: string, references: readonly string[] = []): AvroSchema {
  const parser = new SchemaParser();
  for (const [index, reference] of references.entries()) {
    try {
      parser.parse(reference);
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      throw new SchemaError(`in reference ${index + 1}: ${error.problem}`, error.path);
    }
  }
  return parser.parse(text);
}

/** One set of named types, filled text by text. */
class SchemaParser {
  readonly #named = new Map<string, AvroRecord | AvroEnum | AvroFixed>();
  readonly #defaults = new Map<AvroField, JsonNode>();
  readonly #defaultPaths = new Map<AvroField, string>();

  parse(text: string): AvroSchema {
    this.#defaultPaths.clear();
    const schema = this.#schema(readSchemaJson(text), { namespace: "", path: "" });
    // Only now are all records complete, and a default may be a record that is still open above.
    const checker = new DefaultChecker(this.#defaults);
    for (const [field, path] of this.#defaultPaths) {
      const misfit = checker.misfit(field);
      if (misfit === undefined) continue;
      const problem = `the default of the field "${field.name}" does not fit: ${misfit.problem}`;
      throw new SchemaError(problem, path + misfit.path);
    }
    return schema;
  }

  #schema(node: JsonNode, at: Place): AvroSchema {
    switch (node.kind) {
      case "string":
        return this.#reference(node.value, at);
      case "array":
        return this.#union(node.items, at);
      case "object":
        return this.#object(node.members, at);
      default:
        return fail(
          `a type is a name, an object or an array of types, not ${describeJson(node)}`,
          at.path,
        );
    }
  }

  #reference(name: string, at: Place): AvroSchema {
    if (isPrimitive(name)) return { kind: name };
    const found = this.#named.get(fullName(name, at.namespace)) ?? this.#named.get(name);
    return found ?? fail(`the type "${name}" is not defined before this place`, at.path);
  }

  #union(items: readonly JsonNode[], at: Place): AvroUnion {
    const seen = new Set<string>();
    const branches = items.map((item, index) => {
      const path = pointerStep(at.path, index);
      const branch = this.#schema(item, { ...at, path });
      if (branch.kind === "union") return fail("a union may not hold a union", path);
      const label = "name" in branch ? branch.name : branch.kind;
      if (seen.has(label)) return fail(`the union holds ${label} twice`, path);
      seen.add(label);
      return branch;
    });
    return { kind: "union", branches };
  }

  #object(members: Members, at: Place): AvroSchema {
    for (const name of members.keys()) {
      if (name.startsWith("sluice.")) {
        fail(`"${name}" belongs to a field of a record, not to a type`, pointerStep(at.path, name));
      }
    }
    const type = members.get("type") ?? fail('a type\'s object needs the member "type"', at.path);
    const path = pointerStep(at.path, "type");
    if (type.kind !== "string") return this.#schema(type, { ...at, path });
    switch (type.value) {
      case "record":
        return this.#record(members, at);
      case "enum":
        return this.#enum(members, at);
      case "fixed":
        return this.#fixed(members, at);
      case "array":
        return { kind: "array", items: this.#member(members, "items", at) };
      case "map":
        return { kind: "map", values: this.#member(members, "values", at) };
      default: {
        if (!isPrimitive(type.value)) return this.#reference(type.value, { ...at, path });
        const logical = logicalType(members, type.value);
        return { kind: type.value, ...(logical === undefined ? {} : { logical }) };
      }
    }
  }

  #member(members: Members, name: "type" | "items" | "values", at: Place): AvroSchema {
    const node = members.get(name) ?? fail(`the member "${name}" is missing`, at.path);
    return this.#schema(node, { ...at, path: pointerStep(at.path, name) });
  }

  #record(members: Members, at: Place): AvroRecord {
    const fields: AvroField[] = [];
    const record = this.#define({ kind: "record", ...typeNames(members, at), fields } as const, at);
    const inside = { namespace: namespaceOf(record.name), path: pointerStep(at.path, "fields") };
    const names = new Set<string>();
    for (const [index, node] of arrayOf(members, "fields", at.path).entries()) {
      const path = pointerStep(inside.path, index);
      if (node.kind !== "object") fail(`a field is an object, not ${describeJson(node)}`, path);
      const field = this.#field(node.members, { ...inside, path });
      if (names.has(field.name)) fail(`the field "${field.name}" is there twice`, path);
      names.add(field.name);
      fields.push(field);
    }
    return record;
  }

  #field(members: Members, at: Place): AvroField {
    const name = textOf(members, "name", at.path);
    if (!isName(name)) fail(`"${name}" is no name for a field`, pointerStep(at.path, "name"));
    const annotations = annotationsOf(members, at.path);
    const from = annotations["sluice.from"];
    const value = members.get("default");
    if (value !== undefined && depthOf(value) > DEPTH_MAX) {
      fail(`a default may not be nested deeper than ${DEPTH_MAX}`, pointerStep(at.path, "default"));
    }
    const field: AvroField = {
      name,
      // Java takes any text here, and JSON members are often no Avro names ("user-id").
      aliases: aliasesOf(members, at.path, (text) => text !== ""),
      schema: this.#member(members, "type", at),
      ...(value === undefined ? {} : { defaultJson: renderJson(value) }),
      ...(isFromForm(from) ? { from } : {}),
      annotations,
    };
    if (value !== undefined) {
      this.#defaults.set(field, value);
      this.#defaultPaths.set(field, pointerStep(at.path, "default"));
    }
    return field;
  }

  #enum(members: Members, at: Place): AvroEnum {
    const path = pointerStep(at.path, "symbols");
    const symbols = new Set<string>();
    for (const [index, node] of arrayOf(members, "symbols", at.path).entries()) {
      if (node.kind !== "string" || !isName(node.value)) {
        fail("a symbol is a string like a name", pointerStep(path, index));
      }
      if (symbols.has(node.value)) {
        fail(`the symbol ${node.value} is there twice`, pointerStep(path, index));
      }
      symbols.add(node.value);
    }
    const { name } = typeNames(members, at);
    if (!has(members, "default"))
      return this.#define({ kind: "enum", name, symbols: [...symbols] }, at);
    const defaultSymbol = textOf(members, "default", at.path);
    if (!symbols.has(defaultSymbol)) {
      fail("the default of an enum is one of its symbols", pointerStep(at.path, "default"));
    }
    return this.#define({ kind: "enum", name, symbols: [...symbols], defaultSymbol }, at);
  }

  #fixed(members: Members, at: Place): AvroFixed {
    const size = members.get("size");
    if (size?.kind !== "number" || !/^[0-9]{1,9}$/.test(size.raw)) {
      fail('a fixed needs the member "size", a number of bytes', at.path);
    }
    const bytes = Number(size.raw);
    const logical = logicalType(members, { size: bytes });
    const { name } = typeNames(members, at);
    const rest = logical === undefined ? {} : { logical };
    return this.#define({ kind: "fixed", name, size: bytes, ...rest }, at);
  }

  #define<T extends AvroRecord | AvroEnum | AvroFixed>(type: T, at: Place): T {
    if (this.#named.has(type.name)) fail(`the type "${type.name}" is defined twice`, at.path);
    this.#named.set(type.name, type);
    return type;
  }
}

function readSchemaJson(text: string): JsonNode {
  if (new TextEncoder().encode(text).length > SCHEMA_BYTES_MAX) {
    fail(`a schema may have ${SCHEMA_BYTES_MAX} bytes, this one has more`, "");
  }
  try {
    return readJson(text, SCHEMA_DEPTH_MAX);
  } catch (error) {
    if (error instanceof JsonError) return fail(`the schema is not JSON: ${error.message}`, "");
    throw error;
  }
}
