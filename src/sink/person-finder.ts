/**
 * Who an event belongs to: the first of the pack's actor pointers that is there, and the user id
 * among them. It works on the fields' JSON text and parses only what it has to.
 */
import type { AvroRecord } from "../schema/avro/schema.ts";
import { storableText } from "./cells.ts";
import { PERSON_ID_BYTES_MAX } from "./limits.ts";

interface Pointer {
  readonly field: number;
  /** Steps inside the field. */
  readonly steps: readonly string[];
  readonly isUser: boolean;
}

const USER_NAMES: ReadonlySet<string> = new Set(["userId", "user_id"]);

export class PersonFinder {
  readonly #pointers: readonly Pointer[];

  /** `pointers`: JSON pointers (RFC 6901) into the record. */
  constructor(schema: AvroRecord, pointers: readonly string[]) {
    this.#pointers = [...pointers, "/userId"].flatMap((pointer, index, all) => {
      if (all.indexOf(pointer) !== index) return [];
      const [first = "", ...steps] = pointer.split("/").slice(1).map(unescaped);
      const field = schema.fields.findIndex(({ name }) => name === first);
      const isUser = USER_NAMES.has(steps.at(-1) ?? first);
      return field === -1 ? [] : [{ field, steps, isUser }];
    });
  }

  /** `texts`: the JSON of each field, in the order of the schema. "" where there is nothing. */
  find(texts: readonly string[]): { readonly actor: string; readonly user: string } {
    let actor = "";
    let user = "";
    for (const pointer of this.#pointers) {
      const isNeeded = pointer.isUser ? user === "" : actor === "";
      if (!isNeeded) continue;
      const found = valueAt(texts[pointer.field] ?? "null", pointer.steps);
      if (actor === "") actor = found;
      if (pointer.isUser) user = found;
    }
    return { actor: asId(actor), user: asId(user) };
  }
}

/** What no index could hold is nobody's id. */
function asId(text: string): string {
  return Buffer.byteLength(text) > PERSON_ID_BYTES_MAX ? "" : storableText(text);
}

function valueAt(json: string, steps: readonly string[]): string {
  if (json === "null") return "";
  let value: unknown = JSON.parse(json);
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return "";
    // What has the member is an object.
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : "";
}

function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}
