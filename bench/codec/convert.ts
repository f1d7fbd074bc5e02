/**
 * What a program with avsc has to do between JSON.parse and avsc so that it takes the events: times
 * and dates from text, bytes and decimals to Buffers, aliases, nulls for what is left out, branches
 * named where avsc wants them named. It is code made for each schema, as somebody would write it by
 * hand: straight member access, nothing done where nothing is needed, objects changed in place.
 */
import { compileFunction } from "node:vm";

import type { AvroField, AvroRecord, AvroSchema, AvroUnion } from "../../src/schema/avro/schema.ts";
import { HELPERS } from "./convert-values.ts";

type From = AvroField["from"];
export type Convert = (value: unknown) => unknown;

export interface ConvertOptions {
  /** For schemas made to exercise the rules: longs become BigInts, tags of branches are taken. */
  readonly isThorough: boolean;
}

/** The function for a schema; undefined: what JSON.parse gives is what avsc takes. */
export function makeConvert(
  schema: AvroSchema,
  { isThorough }: ConvertOptions,
): Convert | undefined {
  const maker = new ConvertMaker(isThorough);
  const body = maker.convert(schema, { value: "value", from: undefined });
  if (body === "") return undefined;
  const names = Object.keys(HELPERS);
  const source = `"use strict";\n${maker.source}\nreturn (value) => { ${body} return value; };`;
  // The border to made code: its source says what it takes and gives.
  const make = compileFunction(source, names) as (...helpers: readonly unknown[]) => Convert;
  return make(...Object.values(HELPERS));
}

interface Place {
  /** Expression that can be assigned to. */
  readonly value: string;
  readonly from: From;
}

class ConvertMaker {
  source = "";
  #functions = 0;
  readonly #records = new Map<AvroRecord, string>();
  readonly #isThorough: boolean;

  constructor(isThorough: boolean) {
    this.#isThorough = isThorough;
  }

  /** Statements that turn the value into what avsc takes; "" if it is already. */
  convert(schema: AvroSchema, place: Place): string {
    switch (schema.kind) {
      case "record": {
        const name = this.#record(schema);
        return name === "" ? "" : `${name}(${place.value});`;
      }
      case "array":
        return this.#array(schema.items, place);
      case "map":
        return this.#map(schema.values, place);
      case "union":
        return this.#union(schema, place);
      case "long":
        return this.#isBig(schema) ? bigLong(schema, place) : scalar(schema, place);
      default:
        return scalar(schema, place);
    }
  }

  /** Name of the function that changes a record in place; "" if there is nothing to change. */
  #record(record: AvroRecord): string {
    const known = this.#records.get(record);
    if (known !== undefined) return known;
    const name = this.#newName("record");
    // A record that contains itself calls itself.
    this.#records.set(record, name);
    const body = record.fields.map((field) => this.#field(field)).join("\n");
    if (body.trim() === "") {
      this.#records.set(record, "");
      return "";
    }
    this.source += `function ${name}(record) {
      if (typeof record !== "object" || record === null) return;
      ${body}
    }\n`;
    return name;
  }

  #field({ name, aliases, schema, from, defaultJson }: AvroField): string {
    const value = `record[${JSON.stringify(name)}]`;
    const lines = aliases.map((alias) => {
      const other = `record[${JSON.stringify(alias)}]`;
      return `if (${value} === undefined && ${other} !== undefined) ${value} = ${other};`;
    });
    const isNullable =
      schema.kind === "union" && schema.branches.some(({ kind }) => kind === "null");
    if (isNullable && defaultJson === undefined) {
      lines.push(`if (${value} === undefined) ${value} = null;`);
    }
    if (defaultJson !== undefined && this.#hasBig(schema)) {
      const literal = /^-?[0-9]+$/.test(defaultJson) && this.#isFirstBig(schema) ? "n" : "";
      lines.push(`if (${value} === undefined) ${value} = ${defaultJson}${literal};`);
    }
    const inner = this.convert(schema, { value, from });
    if (inner !== "") lines.push(`if (${value} !== undefined) { ${inner} }`);
    return lines.join("\n");
  }

  #array(items: AvroSchema, { value }: Place): string {
    const index = this.#newName("index");
    const inner = this.convert(items, { value: `${value}[${index}]`, from: undefined });
    if (inner === "") return "";
    return `if (Array.isArray(${value})) {
      for (let ${index} = 0; ${index} < ${value}.length; ${index} += 1) { ${inner} }
    }`;
  }

  #map(values: AvroSchema, { value }: Place): string {
    const key = this.#newName("key");
    const inner = this.convert(values, { value: `${value}[${key}]`, from: undefined });
    return inner === "" ? "" : `for (const ${key} of Object.keys(${value})) { ${inner} }`;
  }

  #union(union: AvroUnion, { value, from }: Place): string {
    const others = union.branches.filter(({ kind }) => kind !== "null");
    const [only] = others;
    const isNamed = this.#needsNames(union);
    if (only !== undefined && others.length === 1 && !isNamed && !this.#isThorough) {
      const inner = this.convert(only, { value, from });
      return inner === "" ? "" : `if (${value} !== null) { ${inner} }`;
    }
    const cases = this.#cases(union, { from, isNamed });
    if (!isNamed && !this.#isThorough && cases.every(({ isChange }) => !isChange)) return "";
    const name = this.#newName("union");
    const tags = this.#isThorough ? this.#tags(union, { from, isNamed }) : "";
    this.source += `function ${name}(value) {
      if (value === null) return null;
      ${cases.map(({ text }) => text).join("\n")}
      ${tags}
      return value;
    }\n`;
    return `${value} = ${name}(${value});`;
  }

  /** For each branch, in the order in which they are tried, what is returned if it is the one. */
  #cases(
    union: AvroUnion,
    { from, isNamed }: { readonly from: From; readonly isNamed: boolean },
  ): { readonly text: string; readonly isChange: boolean }[] {
    const records = union.branches.filter((branch) => branch.kind === "record");
    const trials = orderOfTrial(union);
    const texts = trials.filter(
      (branch) =>
        (branch.kind === "int" || branch.kind === "long") &&
        scalar(branch, { value: "value", from }) !== "",
    );
    return [...trials, ...texts].map((branch, index) => {
      const inner = this.convert(branch, { value: "value", from });
      const result = isNamed ? `{ ${JSON.stringify(nameOf(branch))}: value }` : "value";
      const isSure = records.length === 1 && !this.#isThorough;
      const test =
        index < trials.length ? testOf(branch, { from, isSure }) : `typeof value === "string"`;
      const text = `if (${test}) { ${inner} return ${result}; }`;
      return { text, isChange: inner !== "" };
    });
  }

  /** Longs of logical types stay numbers, all of them in range. */
  #isBig(schema: AvroSchema): boolean {
    return this.#isThorough && schema.kind === "long" && schema.logical === undefined;
  }

  /** A default with such longs in it is written here: avsc takes no BigInts in schemas. */
  #hasBig(schema: AvroSchema): boolean {
    switch (schema.kind) {
      case "array":
        return this.#hasBig(schema.items);
      case "map":
        return this.#hasBig(schema.values);
      case "union":
        return schema.branches.some((branch) => this.#hasBig(branch));
      default:
        return this.#isBig(schema);
    }
  }

  #isFirstBig(schema: AvroSchema): boolean {
    const first = schema.kind === "union" ? schema.branches[0] : schema;
    return first !== undefined && this.#isBig(first);
  }

  /** avsc wants branches named that it could not tell apart by the JavaScript type. */
  #needsNames({ branches }: AvroUnion): boolean {
    const groups = branches.map((branch) =>
      this.#isBig(branch) ? "bigint" : (GROUPS[branch.kind] ?? branch.kind),
    );
    return new Set(groups).size !== groups.length;
  }

  /** An object of one member that is named by a branch. */
  #tags(
    { branches }: AvroUnion,
    { from, isNamed }: { readonly from: From; readonly isNamed: boolean },
  ): string {
    const cases = branches.map((branch) => {
      const name = JSON.stringify(nameOf(branch));
      const inner = this.convert(branch, { value: "value", from });
      const result = isNamed ? `{ ${name}: value }` : "value";
      return `case ${name}: value = value[tag]; ${inner} return ${result};`;
    });
    return `if (typeof value === "object") {
      const [tag] = Object.keys(value);
      switch (tag) { ${cases.join("\n")} }
    }`;
  }

  #newName(stem: string): string {
    this.#functions += 1;
    return `${stem}${this.#functions}`;
  }
}

const GROUPS: Readonly<Record<string, string>> = {
  int: "number",
  long: "number",
  float: "number",
  double: "number",
  enum: "string",
  fixed: "bytes",
  record: "object",
  map: "object",
};

/**
 * Mapping v1: enums before strings and bytes as they stand, times in text last; records, then maps.
 */
function orderOfTrial({ branches }: AvroUnion): AvroSchema[] {
  const others = branches.filter(({ kind }) => kind !== "null");
  const rank = (branch: AvroSchema): number => (branch.kind === "map" ? 1 : 0);
  return others.toSorted((a, b) => rank(a) - rank(b));
}

function nameOf(schema: AvroSchema): string {
  return "name" in schema ? schema.name : schema.kind;
}

function testOf(
  schema: AvroSchema,
  { from, isSure }: { readonly from: From; readonly isSure: boolean },
): string {
  switch (schema.kind) {
    case "boolean":
      return `typeof value === "boolean"`;
    case "int":
      return `Number.isInteger(value) && value === (value | 0)`;
    case "long":
      return `Number.isInteger(value)`;
    case "float":
    case "double":
      return `typeof value === "number"`;
    case "string":
      return from === "json" ? "true" : `typeof value === "string"`;
    case "enum":
      return `typeof value === "string" && ${JSON.stringify(schema.symbols)}.includes(value)`;
    case "bytes":
    case "fixed":
      return `typeof value === "string" || typeof value === "number"`;
    case "array":
      return `Array.isArray(value)`;
    case "record": {
      const needed = schema.fields.filter((field) => isRequired(field));
      const tests = (isSure ? [] : needed).map(({ name, aliases }) =>
        [name, ...aliases].map((text) => `value[${JSON.stringify(text)}] !== undefined`).join("||"),
      );
      return [`typeof value === "object"`, ...tests.map((test) => `(${test})`)].join(" && ");
    }
    default:
      return `typeof value === "object"`;
  }
}

function isRequired({ schema, defaultJson }: AvroField): boolean {
  const isNullable = schema.kind === "union" && schema.branches.some(({ kind }) => kind === "null");
  return defaultJson === undefined && !isNullable;
}

/** A long as BigInt. */
function bigLong(schema: AvroSchema, { value, from }: Place): string {
  const texts = scalar(schema, { value, from }).replace("Number(", "BigInt(");
  return `${texts} if (Number.isInteger(${value})) ${value} = BigInt(${value});`;
}

/** Statements for a value that is neither a collection nor a union. */
function scalar(schema: AvroSchema, { value, from }: Place): string {
  const fromText = (made: string): string =>
    `if (typeof ${value} === "string") ${value} = ${made};`;
  const logical = "logical" in schema ? schema.logical : undefined;
  switch (schema.kind) {
    case "int":
    case "long":
      if (from === "decimal-string" && logical !== undefined) {
        return fromText(`/^-?[0-9]+$/.test(${value}) ? Number(${value}) : Date.parse(${value})`);
      }
      if (logical?.type === "timestamp-millis") return fromText(`Date.parse(${value})`);
      if (logical?.type === "timestamp-micros") return fromText(`microsOf(${value})`);
      if (logical?.type === "date") return fromText(`daysOf(${value})`);
      return from === "decimal-string" ? fromText(`Number(${value})`) : "";
    case "string":
      return from === "json" ? `${value} = JSON.stringify(${value});` : "";
    case "bytes":
    case "fixed":
      if (logical?.type === "decimal") {
        return schema.kind === "fixed"
          ? `${value} = fixedDecimalOf(${value}, ${logical.scale}, ${schema.size});`
          : `${value} = decimalOf(${value}, ${logical.scale});`;
      }
      return fromText(from === "base64" ? `base64Of(${value})` : `bytesOf(${value})`);
    default:
      return "";
  }
}
