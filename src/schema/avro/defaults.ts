/**
 * Does a default fit its field's type? By the Avro specification a default is in Avro's JSON
 * encoding but without the tags of unions: bytes and fixed are code points, logical types play no
 * part, and a union's default may be of any branch. A record's default may leave out members that
 * have a default themselves; one that contains itself that way would never end and is refused.
 */
import { describeJson, type JsonNode, pointerStep } from "./json.ts";
import type { AvroField, AvroRecord, AvroSchema } from "./schema.ts";

export interface Misfit {
  /** RFC 6901 pointer into the default. */
  readonly path: string;
  readonly problem: string;
}

/** Checks the defaults of fields whose types know each other; each field once. */
export class DefaultChecker {
  readonly #defaults: ReadonlyMap<AvroField, JsonNode>;
  readonly #verdicts = new Map<AvroField, Misfit | "open" | "fits">();

  constructor(defaults: ReadonlyMap<AvroField, JsonNode>) {
    this.#defaults = defaults;
  }

  /** Why the default of the field does not fit; undefined: it fits, or there is none. */
  misfit(field: AvroField): Misfit | undefined {
    const node = this.#defaults.get(field);
    if (node === undefined) return undefined;
    const known = this.#verdicts.get(field);
    if (known === "open") return { path: "", problem: "this default contains itself" };
    if (known !== undefined) return known === "fits" ? undefined : known;
    this.#verdicts.set(field, "open");
    const found = this.#check(field.schema, node, "");
    this.#verdicts.set(field, found ?? "fits");
    return found;
  }

  #check(schema: AvroSchema, node: JsonNode, path: string): Misfit | undefined {
    switch (schema.kind) {
      case "union":
        return schema.branches.some((branch) => this.#check(branch, node, path) === undefined)
          ? undefined
          : { path, problem: `${describeJson(node)} fits no branch of the union` };
      case "array":
        if (node.kind !== "array") return wrong(schema, node, path);
        return first(node.items.entries(), (item, index) =>
          this.#check(schema.items, item, pointerStep(path, index)),
        );
      case "map":
        if (node.kind !== "object") return wrong(schema, node, path);
        return first(node.members.entries(), (value, name) =>
          this.#check(schema.values, value, pointerStep(path, name)),
        );
      case "record":
        return this.#checkRecord(schema, node, path);
      default:
        return fitsScalar(schema, node) ? undefined : wrong(schema, node, path);
    }
  }

  #checkRecord(schema: AvroRecord, node: JsonNode, path: string): Misfit | undefined {
    if (node.kind !== "object") return wrong(schema, node, path);
    for (const field of schema.fields) {
      const member = node.members.get(field.name);
      const memberPath = pointerStep(path, field.name);
      if (member === undefined && !this.#defaults.has(field)) {
        return { path: memberPath, problem: "this field has no default, so it has to be here" };
      }
      const found =
        member === undefined ? this.misfit(field) : this.#check(field.schema, member, memberPath);
      if (found !== undefined) return member === undefined ? { ...found, path: memberPath } : found;
    }
    return undefined;
  }
}

function first<K extends string | number>(
  entries: Iterable<[K, JsonNode]>,
  check: (node: JsonNode, step: K) => Misfit | undefined,
): Misfit | undefined {
  for (const [step, node] of entries) {
    const found = check(node, step);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Does a value without inner structure fit? Integers are digits only, as in Avro's Java tools. */
function fitsScalar(
  schema: Exclude<AvroSchema, { readonly kind: "union" | "array" | "map" | "record" }>,
  node: JsonNode,
): boolean {
  switch (schema.kind) {
    case "null":
    case "boolean":
    case "string":
      return node.kind === schema.kind;
    case "int":
      return node.kind === "number" && isIntegerOf(node.raw, 32);
    case "long":
      return node.kind === "number" && isIntegerOf(node.raw, 64);
    case "float":
      return node.kind === "number" && Number.isFinite(Math.fround(Number(node.raw)));
    case "double":
      return node.kind === "number" && Number.isFinite(Number(node.raw));
    case "bytes":
      return node.kind === "string" && isBytes(node.value);
    case "fixed":
      return node.kind === "string" && isBytes(node.value) && node.value.length === schema.size;
    case "enum":
      return node.kind === "string" && schema.symbols.includes(node.value);
    default:
      return schema satisfies never;
  }
}

function isIntegerOf(raw: string, bits: 32 | 64): boolean {
  // The longest long has 19 digits and a sign; longer text is never turned into a number.
  if (raw.length > 20 || !/^-?[0-9]+$/.test(raw)) return false;
  const value = BigInt(raw);
  return BigInt.asIntN(bits, value) === value;
}

function isBytes(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- a byte may be any code point below 256
  return /^[\u0000-\u00ff]*$/.test(text);
}

function wrong(schema: AvroSchema, node: JsonNode, path: string): Misfit {
  const wanted = "name" in schema ? `${schema.kind} ${schema.name}` : schema.kind;
  return { path, problem: `${describeJson(node)} does not fit ${wanted}` };
}
