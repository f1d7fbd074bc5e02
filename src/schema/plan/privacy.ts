/**
 * Privacy actions (`sluice.privacy` on a field): where they may stand, and what they do to a type.
 * It knows nothing of the layout of plans.
 */
import {
  ACTION_HMAC_BYTES,
  ACTION_HMAC_FIXED,
  ACTION_HMAC_STRING,
  ACTION_IP,
  ACTION_MASK,
  DIGEST_BYTES,
} from "../../codec/abi.gen.ts";
import type { AvroField, AvroSchema } from "../avro/schema.ts";
import { SchemaError } from "../avro/schema.ts";
import { defaultBytes } from "./defaults.ts";
import { tagOf } from "./kinds.ts";

const ANNOTATION = "sluice.privacy";

/** Actions on each string (or bytes) of a value; `drop` is one on the whole field. */
export type ValueAction = "mask" | "ip-truncate" | "hmac";
export type PrivacyAction = ValueAction | "drop";

/** What a field asks for. The parser has refused other words. */
export function privacyOf(field: AvroField): PrivacyAction | undefined {
  const text = field.annotations[ANNOTATION];
  switch (text) {
    case undefined:
    case "drop":
    case "mask":
    case "ip-truncate":
    case "hmac":
      return text;
    default:
      throw new SchemaError(`"${text}" is no privacy action`, field.name);
  }
}

/** Number of the action on values of this type, if it is one that is replaced as a whole. */
export function actionOn(schema: AvroSchema, action: ValueAction): number | undefined {
  const isPlain = !("logical" in schema) || schema.logical === undefined;
  if (!isPlain) return undefined;
  if (schema.kind === "string") {
    if (action === "mask") return ACTION_MASK;
    return action === "ip-truncate" ? ACTION_IP : ACTION_HMAC_STRING;
  }
  if (action !== "hmac") return undefined;
  if (schema.kind === "bytes") return ACTION_HMAC_BYTES;
  return schema.kind === "fixed" && schema.size === DIGEST_BYTES ? ACTION_HMAC_FIXED : undefined;
}

/** The action of a field, undefined for none. Throws SchemaError for one that cannot be done. */
export function checkedPrivacy(
  field: AvroField,
  { place, hasSalt }: { readonly place: string; readonly hasSalt: boolean },
): PrivacyAction | undefined {
  const action = privacyOf(field);
  if (action === undefined) return undefined;
  if (action !== "drop") {
    checkAction(field, { action, place });
  } else if (defaultBytes(field, place) === undefined) {
    const needs = "needs a default or a type with null";
    throw new SchemaError(`sluice.privacy "drop" of ${place} ${needs}`, place);
  }
  if (action === "hmac" && !hasSalt) {
    throw new SchemaError(`sluice.privacy "hmac" of ${place} needs SLUICE_PRIVACY_SALT`, place);
  }
  return action;
}

/** Throws SchemaError if the action cannot hide all that a value of the field may hold. */
function checkAction(
  field: AvroField,
  { action, place }: { readonly action: ValueAction; readonly place: string },
): void {
  const types = action === "hmac" ? "string, bytes or fixed of 32 bytes" : "string";
  const isHidden = canHide(field.schema, action);
  if (isHidden && !(action === "ip-truncate" && field.from === "json")) return;
  throw new SchemaError(
    `sluice.privacy "${action}" of ${place} needs the type ${types} (without logical type), ` +
      "or an array, a map or a union with null of it",
    place,
  );
}

function canHide(schema: AvroSchema, action: ValueAction): boolean {
  switch (schema.kind) {
    case "union": {
      const others = schema.branches.filter(({ kind }) => kind !== "null");
      return others.length > 0 && others.every((branch) => canHide(branch, action));
    }
    case "array":
      return canHide(schema.items, action);
    case "map":
      return canHide(schema.values, action);
    default:
      return actionOn(schema, action) !== undefined;
  }
}

/**
 * How many of the steps into a value of this type lead to a field with a privacy action; 0: none
 * does. A step is a name as written in the event (an alias, a branch's tag, a map's key) or an
 * array's index. Where several readings are possible, one that meets such a field is enough.
 */
export function privateSteps(schema: AvroSchema, steps: readonly string[]): number {
  const [first, ...rest] = steps;
  if (first === undefined) return 0;
  const inside = (child: AvroSchema): number => {
    const count = privateSteps(child, rest);
    return count === 0 ? 0 : count + 1;
  };
  switch (schema.kind) {
    case "record": {
      const fields = schema.fields.filter((field) => isNamed(field, first));
      if (fields.some((field) => privacyOf(field) !== undefined)) return 1;
      return Math.max(0, ...fields.map((field) => inside(field.schema)));
    }
    case "array":
      return inside(schema.items);
    case "map":
      return inside(schema.values);
    case "union": {
      const tagged = schema.branches.filter((branch) => tagOf(branch) === first).map(inside);
      const bare = schema.branches.map((branch) => privateSteps(branch, steps));
      return Math.max(0, ...tagged, ...bare);
    }
    default:
      return 0;
  }
}

function isNamed({ name, aliases }: AvroField, text: string): boolean {
  return name === text || aliases.includes(text);
}
