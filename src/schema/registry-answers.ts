/**
 * The bodies of a registry's answers, read by hand: each reader gives the value, or a phrase that
 * says what is wrong with the answer. Members that are not needed are not looked at.
 */
import { jsonMembers } from "./json-members.ts";

export interface Reference {
  readonly subject: string;
  readonly version: number;
}

/** A version of a subject that has a certain schema. */
export interface SchemaUse {
  readonly subject: string;
  readonly version: number;
}

interface SchemaAnswer {
  readonly text: string;
  readonly references: readonly Reference[];
}

interface VersionAnswer extends SchemaAnswer {
  readonly id: number;
  readonly version: number;
}

const ID_MAX = 0x7fffffff;

/** `{schema, schemaType?, references?}` */
export function readSchema(json: unknown): SchemaAnswer | string {
  const members = jsonMembers(json);
  const text = members["schema"];
  if (typeof text !== "string") return 'its answer lacks the member "schema"';
  const type = members["schemaType"] ?? "AVRO";
  if (type !== "AVRO") return "the schema is not an Avro schema";
  const references = readUses(members["references"] ?? []);
  return typeof references === "string" ? references : { text, references };
}

/** `{subject, id, version, schema, …}` */
export function readVersion(json: unknown): VersionAnswer | string {
  const schema = readSchema(json);
  if (typeof schema === "string") return schema;
  const { id, version } = jsonMembers(json);
  if (!isPositive(id) || !isPositive(version)) return 'its answer lacks "id" or "version"';
  return { ...schema, id, version };
}

/** `[{subject, version}, …]` */
export function readUses(json: unknown): readonly SchemaUse[] | string {
  if (!Array.isArray(json)) return "its answer is not an array";
  const uses: SchemaUse[] = [];
  for (const item of json) {
    const { subject, version } = jsonMembers(item);
    if (typeof subject !== "string" || !isPositive(version)) {
      return 'its answer holds something without "subject" or "version"';
    }
    uses.push({ subject, version });
  }
  return uses;
}

/** `[1, 2, …]` */
export function readNumbers(json: unknown): readonly number[] | string {
  if (!Array.isArray(json) || !json.every(isPositive)) return "its answer is no list of versions";
  return json.toSorted((left, right) => left - right);
}

/** `{id, …}` */
export function readId(json: unknown): { readonly id: number } | string {
  const { id } = jsonMembers(json);
  return isPositive(id) ? { id } : 'its answer lacks the member "id"';
}

/** `{is_compatible, messages?}`; Apicurio says `reason` for `messages`. */
export function readCompatibility(
  json: unknown,
): { readonly compatible: boolean; readonly messages: readonly string[] } | string {
  const members = jsonMembers(json);
  const compatible = members["is_compatible"];
  if (typeof compatible !== "boolean") return 'its answer lacks the member "is_compatible"';
  const listed = members["messages"] ?? members["reason"] ?? [];
  const messages: unknown[] = Array.isArray(listed) ? listed : [listed];
  return { compatible, messages: messages.filter((text) => typeof text === "string") };
}

/** `{error_code, message}`; 0 and "" where the body is something else. */
export function readErrorCode(json: unknown): { readonly code: number; readonly message: string } {
  const { error_code: code, message } = jsonMembers(json);
  return {
    code: typeof code === "number" ? code : 0,
    message: typeof message === "string" ? message.slice(0, MESSAGE_CHARACTERS_MAX) : "",
  };
}

/** Registries put whole schemas into their messages; a log line needs the beginning. */
const MESSAGE_CHARACTERS_MAX = 300;

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= ID_MAX;
}
