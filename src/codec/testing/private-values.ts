/**
 * What privacy actions make of values, by JavaScript: the second opinion on
 * assembly/avro/private.ts and its host. Values are avsc's, with wrapped unions.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import type { SchemaJson } from "./random-schema.ts";

export type RandomAction = "drop" | "mask" | "ip-truncate" | "hmac";

interface Options {
  readonly action?: RandomAction | undefined;
  readonly salt: string;
}

/** The value as it is to be stored. */
export function hidden(schema: SchemaJson, value: unknown, { action, salt }: Options): unknown {
  if (schema === "string" && typeof value === "string") return hiddenText(value, { action, salt });
  if (schema === "bytes" && action === "hmac") return digest(value as Buffer, salt);
  if (typeof schema === "string" || value === null) return value;
  if (Array.isArray(schema)) {
    const [[name, inner] = ["", value]] = Object.entries(value as object);
    const branches: readonly SchemaJson[] = schema;
    const branch = branches.find((candidate) => branchOf(candidate) === name);
    assert(branch !== undefined, "a wrapped value names its branch");
    return { [name]: hidden(branch, inner, { action, salt }) };
  }
  const parts = schema as Readonly<Record<string, unknown>>;
  const part = (name: string): SchemaJson => parts[name] as SchemaJson;
  switch (parts["type"]) {
    case "array":
      return (value as unknown[]).map((item) => hidden(part("items"), item, { action, salt }));
    case "map":
      return mapValues(value as object, (member) =>
        hidden(part("values"), member, { action, salt }),
      );
    case "fixed":
      return action === "hmac" ? digest(value as Buffer, salt) : value;
    case "record":
      return hiddenRecord(parts["fields"] as readonly PrivateField[], value as object, salt);
    default:
      return value;
  }
}

interface PrivateField {
  readonly name: string;
  readonly type: SchemaJson;
  readonly "sluice.privacy"?: RandomAction;
}

function hiddenRecord(fields: readonly PrivateField[], value: object, salt: string): object {
  const byName = new Map(fields.map((field) => [field.name, field]));
  return mapValues(value, (member, name) => {
    const field = byName.get(name);
    assert(field !== undefined, "a record has the members of its fields");
    const action = field["sluice.privacy"];
    return action === "drop" ? null : hidden(field.type, member, { action, salt });
  });
}

function mapValues(value: object, change: (member: unknown, name: string) => unknown): object {
  const entries = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(entries.map(([name, member]) => [name, change(member, name)]));
}

function branchOf(schema: SchemaJson): unknown {
  if (typeof schema === "string") return schema;
  const parts = schema as Readonly<Record<string, unknown>>;
  return parts["name"] ?? parts["type"];
}

function hiddenText(text: string, { action, salt }: Options): string {
  switch (action) {
    case "mask":
      return "*".repeat(Array.from(text).length);
    case "ip-truncate":
      return networkOf(text);
    case "hmac":
      return digest(Buffer.from(text), salt).toString("hex");
    default:
      return text;
  }
}

function digest(value: Buffer, salt: string): Buffer {
  return createHmac("sha256", salt).update(value).digest();
}

/** The network of an address, IPv6 as eight groups, with the URL Standard's serializer. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address.replace(/\d+$/, "0");
  const groups = address.split(":").slice(0, 3);
  return new URL(`http://[${groups.join(":")}::]/`).hostname.slice(1, -1);
}
