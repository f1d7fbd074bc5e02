/**
 * Avro's names: their syntax, and how a name and a namespace make a full name. It knows nothing of
 * schemas.
 */

const PRIMITIVE_KINDS = [
  "null",
  "boolean",
  "int",
  "long",
  "float",
  "double",
  "bytes",
  "string",
] as const;

export type PrimitiveKind = (typeof PRIMITIVE_KINDS)[number];

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const FULL_NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/** A field's name, an enum's symbol: no dots. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** One or more names joined by dots: a full name or a namespace. */
export function isFullName(text: string): boolean {
  return FULL_NAME.test(text);
}

/** A dotted name is full already; any other belongs to the namespace ("" is the null namespace). */
export function fullName(name: string, namespace: string): string {
  return name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
}

/** What stands before the last dot; "" for a name without namespace. */
export function namespaceOf(full: string): string {
  return full.slice(0, Math.max(full.lastIndexOf("."), 0));
}

/** The types that have no name of their own to define. */
export function isPrimitive(name: string): name is PrimitiveKind {
  return PRIMITIVE_KINDS.some((kind) => kind === name);
}
