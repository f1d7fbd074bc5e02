/** Random schemas with events that fit them: the JSON sent and the value avsc encodes. */

import type { RandomAction } from "./private-values.ts";

/** Stands in every text and all bytes of private values, but for addresses. */
export const SECRET = "S3cret-7791-";

/** Next pseudo-random number below `below`. */
export type Random = (below: number) => number;

/** Mulberry32. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** An Avro schema as JSON. */
export type SchemaJson = string | { readonly [member: string]: unknown } | readonly SchemaJson[];

/** A value in both forms: JSON text as a client might write it, and what avsc takes. */
export interface Sample {
  readonly json: string;
  readonly value: unknown;
}

const WORDS = [
  "a",
  "id",
  "größe",
  "日本",
  "x\ny",
  'q"',
  "",
  "name-that-is-longer-than-sixteen-bytes",
  "\u0000",
];

/** Makes one schema and samples of it; all from one seed. */
export class SchemaMaker {
  readonly #random: Random;
  readonly #hasPrivacy: boolean;
  /** Action on the value being made: its texts and bytes are SECRET's. */
  #action: RandomAction | undefined;
  #names = 0;

  /** `hasPrivacy`: many fields have a privacy action. */
  constructor(random: Random, { hasPrivacy = false }: { readonly hasPrivacy?: boolean } = {}) {
    this.#random = random;
    this.#hasPrivacy = hasPrivacy;
  }

  /** A record, so that members, defaults and order come into play. */
  record(depth: number): SchemaJson {
    const count = this.#random(7);
    const fields = Array.from({ length: count }, (_, index) => {
      const type = this.schema(depth - 1);
      const action = this.#hasPrivacy ? this.#actionOn(type) : undefined;
      const field = {
        name: `f${index}${"_long_name_of_a_field".slice(0, this.#random(20))}`,
        type,
        ...(action === undefined ? {} : { "sluice.privacy": action }),
      };
      const hasNull = Array.isArray(type) && type[0] === "null";
      return hasNull && this.#random(2) === 0 ? { ...field, default: null } : field;
    });
    return { type: "record", name: this.#name("R"), fields };
  }

  /** An action that hides all that a value of this type may hold; undefined: none, or by chance. */
  #actionOn(type: SchemaJson): RandomAction | undefined {
    const actions: RandomAction[] = [];
    if (Array.isArray(type) && type.includes("null")) actions.push("drop");
    const inner = innermost(type);
    if (inner === "string") actions.push("mask", "ip-truncate", "hmac");
    const isDigest = typeof inner === "object" && "size" in inner && inner["size"] === 32;
    if (inner === "bytes" || isDigest) actions.push("hmac");
    return this.#random(4) === 0 ? undefined : actions[this.#random(actions.length)];
  }

  schema(depth: number): SchemaJson {
    const random = this.#random;
    if (depth > 0) {
      switch (random(8)) {
        case 0:
          return this.record(depth);
        case 1:
          return { type: "array", items: this.schema(depth - 1) };
        case 2:
          return { type: "map", values: this.schema(depth - 1) };
        case 3:
          return ["null", this.#notUnion(depth - 1)];
        case 4:
          return ["null", "boolean", "long", "double", "string"];
        default:
      }
    }
    if (this.#hasPrivacy && random(4) === 0) return "string";
    switch (random(10)) {
      case 0:
        return {
          type: "enum",
          name: this.#name("E"),
          symbols: ["A", "B", "C_LONGER_THAN_SIXTEEN"],
        };
      case 1:
        return { type: "fixed", name: this.#name("F"), size: this.#hasPrivacy ? 32 : random(20) };
      default:
        return ["null", "boolean", "int", "long", "float", "double", "bytes", "string"][
          random(8)
        ] as string;
    }
  }

  #notUnion(depth: number): SchemaJson {
    for (;;) {
      const schema = this.schema(depth);
      if (!Array.isArray(schema) && schema !== "null") return schema;
    }
  }

  #name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  /** A value that fits `schema`. */
  sample(schema: SchemaJson): Sample {
    if (typeof schema === "string") return this.#primitive(schema);
    if (Array.isArray(schema)) return this.#union(schema);
    const parts = schema as Readonly<Record<string, unknown>>;
    switch (parts["type"]) {
      case "record":
        return this.#record(parts["fields"] as readonly FieldJson[]);
      case "array":
        return this.#array(parts["items"] as SchemaJson);
      case "map":
        return this.#map(parts["values"] as SchemaJson);
      case "enum": {
        const symbols = parts["symbols"] as readonly string[];
        const symbol = symbols[this.#random(symbols.length)] ?? "";
        return { json: this.#text(symbol), value: symbol };
      }
      default: {
        const bytes = this.#bytes(parts["size"] as number);
        return { json: this.#text(bytes.toString("latin1")), value: bytes };
      }
    }
  }

  #primitive(name: string): Sample {
    const random = this.#random;
    switch (name) {
      case "null":
        return { json: "null", value: null };
      case "boolean": {
        const value = random(2) === 0;
        return { json: String(value), value };
      }
      case "int":
        return this.#whole((random(2) === 0 ? 1 : -1) * random(2 ** (1 + random(31))));
      case "long":
        return this.#whole(
          (random(2) === 0 ? 1 : -1) * (random(2 ** 31) * 2 ** random(22) + random(2 ** 20)),
        );
      case "float": {
        const value = Math.fround((random(2_000_001) - 1_000_000) / 2 ** random(20));
        return { json: JSON.stringify(value), value };
      }
      case "double": {
        const value = (random(2 ** 31) - 2 ** 30) * 10 ** (random(60) - 30) + random(1000) / 7;
        return { json: JSON.stringify(value), value };
      }
      case "bytes": {
        const bytes = this.#bytes(random(40));
        return { json: this.#text(bytes.toString("latin1")), value: bytes };
      }
      default: {
        const text = this.#string();
        return { json: this.#text(text), value: text };
      }
    }
  }

  #whole(value: number): Sample {
    const forms = [String(value), `${value}.0`, `${value}e0`, `${value}0e-1`];
    const isPlain = value === 0 || this.#random(4) !== 0;
    const json = isPlain ? forms[0] : forms[this.#random(forms.length)];
    return { json: json ?? "0", value };
  }

  #bytes(size: number): Buffer {
    if (this.#action !== undefined) return Buffer.from(SECRET.padEnd(size, "x"));
    return Buffer.from(Array.from({ length: size }, () => this.#random(256)));
  }

  #string(): string {
    const random = this.#random;
    if (this.#action === "ip-truncate") return this.#address();
    if (this.#action !== undefined) return `${SECRET}${WORDS[random(WORDS.length)]}`;
    const word = WORDS[random(WORDS.length)] ?? "";
    return random(4) === 0 ? word.repeat(random(40)) : word;
  }

  #address(): string {
    const random = this.#random;
    if (random(2) === 0) return [1, 2, 3, 4].map(() => random(256)).join(".");
    const group = (): string => (random(3) === 0 ? "0" : random(65_536).toString(16));
    return [1, 2, 3, 4, 5, 6, 7, 8].map(group).join(":");
  }

  /** A JSON string, sometimes with needless escapes. */
  #text(value: string): string {
    const plain = JSON.stringify(value);
    if (this.#random(5) !== 0) return plain;
    const escaped = value
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
    return `"${escaped.join("")}"`;
  }

  #union(branches: readonly SchemaJson[]): Sample {
    const branch = branches[this.#random(branches.length)] ?? "null";
    // A whole double would go to the long branch (mapping v1), so it gets a fraction.
    if (branch === "double" && branches.length > 2) {
      const value = this.#random(1_000) + 0.5;
      return { json: JSON.stringify(value), value: { double: value } };
    }
    const { json, value } = branch === "long" ? this.#plainWhole() : this.sample(branch);
    if (branch === "null") return { json: "null", value: null };
    const name = typeof branch === "string" ? branch : branchName(branch);
    return { json, value: { [name]: value } };
  }

  #plainWhole(): Sample {
    const value = this.#random(2 ** 31) * 2 ** this.#random(20);
    return { json: String(value), value };
  }

  #array(items: SchemaJson): Sample {
    // No more hashes than an event may hold.
    const count = [0, 1, 3, this.#action === undefined ? 70 : 2][this.#random(4)] ?? 0;
    const samples = Array.from({ length: Math.min(count, 70) }, () => this.sample(items));
    return {
      json: `[${samples.map(({ json }) => json).join(this.#comma())}]`,
      value: samples.map(({ value }) => value),
    };
  }

  #map(values: SchemaJson): Sample {
    const count = [0, 1, 5, this.#action === undefined ? 40 : 2][this.#random(4)] ?? 0;
    const entries = Array.from({ length: count }, (_, index) => {
      // Not like an array index, which a JavaScript object would put first.
      const key = `k${index}${this.#sampleOf(undefined, () => this.#string())}`;
      return { key, sample: this.sample(values) };
    });
    const members = entries.map(({ key, sample }) => `${this.#text(key)}:${sample.json}`);
    return {
      json: `{${members.join(this.#comma())}}`,
      value: Object.fromEntries(entries.map(({ key, sample }) => [key, sample.value])),
    };
  }

  #record(fields: readonly FieldJson[]): Sample {
    const samples = fields.map((field) => {
      const action = field["sluice.privacy"] ?? this.#action;
      return { field, sample: this.#sampleOf(action, () => this.sample(field.type)) };
    });
    const members = samples
      .filter(
        ({ field, sample }) =>
          !(isNullable(field) && sample.value === null && this.#random(2) === 0),
      )
      .map(({ field, sample }) => `${this.#text(field.name)}${this.#colon()}${sample.json}`);
    if (this.#random(3) === 0) this.#shuffle(members);
    if (this.#random(4) === 0)
      members.splice(this.#random(members.length + 1), 0, '"zz":[{"a":1}]');
    return {
      json: `{${members.join(this.#comma())}}`,
      value: Object.fromEntries(samples.map(({ field, sample }) => [field.name, sample.value])),
    };
  }

  #sampleOf<T>(action: RandomAction | undefined, make: () => T): T {
    const before = this.#action;
    this.#action = action;
    const made = make();
    this.#action = before;
    return made;
  }

  #shuffle(list: string[]): void {
    for (let index = list.length - 1; index > 0; index -= 1) {
      const other = this.#random(index + 1);
      const held = list[index] ?? "";
      list[index] = list[other] ?? "";
      list[other] = held;
    }
  }

  #comma(): string {
    return this.#random(4) === 0 ? " ,\n\t" : ",";
  }

  #colon(): string {
    return this.#random(4) === 0 ? " : " : ":";
  }
}

interface FieldJson {
  readonly "sluice.privacy"?: RandomAction;
  readonly name: string;
  readonly type: SchemaJson;
}

function isNullable({ type }: FieldJson): boolean {
  return Array.isArray(type) && type[0] === "null";
}

/** What remains of a type without arrays, maps and null around it. */
function innermost(type: SchemaJson): SchemaJson {
  if (typeof type === "string") return type;
  if (Array.isArray(type)) {
    const branches: readonly SchemaJson[] = type;
    const [other, ...more] = branches.filter((branch) => branch !== "null");
    return other === undefined || more.length > 0 ? type : innermost(other);
  }
  const parts = type as Readonly<Record<string, unknown>>;
  const inside = parts["items"] ?? parts["values"];
  return inside === undefined ? type : innermost(inside as SchemaJson);
}

function branchName(branch: SchemaJson): string {
  const parts = branch as Readonly<Record<string, unknown>>;
  const name = parts["name"] ?? parts["type"];
  return typeof name === "string" ? name : "";
}
