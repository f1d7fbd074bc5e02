/**
 * Small words for writing JSON Schemas in the published documents, in the part of the language that
 * AsyncAPI 3 (draft 07) and OpenAPI 3.1 (2020-12) share. It knows nothing of events.
 */

export type Schema = Readonly<Record<string, unknown>>;

/** Largest integer that every client can read. */
const INTEGER_MAX = Number.MAX_SAFE_INTEGER;

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function integer(description: string, minimum = 0): Schema {
  return { type: "integer", minimum, maximum: INTEGER_MAX, description };
}

export function text(description: string, further: Schema = {}): Schema {
  return { type: "string", description, ...further };
}

export function flag(description: string): Schema {
  return { type: "boolean", description };
}

/** An array; `further` may bound it. */
export function list(items: Schema, description: string, further: Schema = {}): Schema {
  return { type: "array", items, description, ...further };
}

export interface ObjectOptions {
  readonly description?: string;
  /** Members that may be absent. */
  readonly optional?: readonly string[];
  readonly examples?: readonly object[];
}

/** What sluice says: these members and no others. */
export function spoken(
  members: Readonly<Record<string, Schema>>,
  options: ObjectOptions = {},
): Schema {
  return { ...heard(members, options), additionalProperties: false };
}

/** What sluice hears: members it does not know are ignored. */
export function heard(
  members: Readonly<Record<string, Schema>>,
  { description, optional = [], examples }: ObjectOptions = {},
): Schema {
  const required = Object.keys(members).filter((name) => !optional.includes(name));
  return {
    type: "object",
    ...(description === undefined ? {} : { description }),
    ...(required.length === 0 ? {} : { required }),
    properties: members,
    ...(examples === undefined ? {} : { examples }),
  };
}
