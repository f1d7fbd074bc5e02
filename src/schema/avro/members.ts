/**
 * The members of a type's or field's object in a schema text, each checked for its shape: names,
 * aliases, annotations, required texts and arrays. It knows nothing of how types refer to each
 * other.
 */
import { describeJson, type JsonNode, pointerStep } from "./json.ts";
import { fullName, isFullName, isPrimitive, namespaceOf } from "./names.ts";
import { fail } from "./schema-error.ts";

export type Members = ReadonlyMap<string, JsonNode>;

/** Where a node stands: the namespace that holds there, and the pointer to it. */
export interface Place {
  readonly namespace: string;
  readonly path: string;
}

/** The annotations sluice knows, and the values each may have. */
export const ANNOTATION_VALUES = {
  "sluice.from": ["base64", "decimal-string", "json"],
  "sluice.privacy": ["drop", "mask", "ip-truncate", "hmac"],
  "sluice.fill": ["session", "received-at", "tenant", "ip", "user-agent", "corrected-time"],
} as const;

export type FromForm = (typeof ANNOTATION_VALUES)["sluice.from"][number];

export function isFromForm(text: string | undefined): text is FromForm {
  return ANNOTATION_VALUES["sluice.from"].some((form) => form === text);
}

/**
 * The members of a field whose name starts with `sluice.`. One that sluice does not know is
 * refused: a misspelt privacy action that is ignored would leak what it was to hide.
 */
export function annotationsOf(members: Members, path: string): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = {};
  for (const [name, node] of members) {
    if (!name.startsWith("sluice.")) continue;
    const known = Object.entries(ANNOTATION_VALUES).find(([annotation]) => annotation === name);
    if (known === undefined) return fail(`"${name}" is no annotation of sluice`, path);
    const values: readonly string[] = known[1];
    if (node.kind !== "string" || !values.includes(node.value)) {
      return fail(`"${name}" is one of ${values.join(", ")}`, pointerStep(path, name));
    }
    annotations[name] = node.value;
  }
  return annotations;
}

/** The full name and full aliases of a record, enum or fixed. */
export function typeNames(
  members: Members,
  at: Place,
): { readonly name: string; readonly aliases: readonly string[] } {
  const name = textOf(members, "name", at.path);
  if (!isFullName(name)) fail(`"${name}" is no name for a type`, pointerStep(at.path, "name"));
  const namespace = has(members, "namespace")
    ? textOf(members, "namespace", at.path)
    : at.namespace;
  if (namespace !== "" && !isFullName(namespace)) {
    fail(`"${namespace}" is no namespace`, pointerStep(at.path, "namespace"));
  }
  const full = fullName(name, namespace);
  if (isPrimitive(full)) {
    fail(`a type may not be called ${full}, Avro has one`, pointerStep(at.path, "name"));
  }
  const aliases = aliasesOf(members, at.path, isFullName);
  return { name: full, aliases: aliases.map((alias) => fullName(alias, namespaceOf(full))) };
}

/** The member `aliases` as it stands; `isValid` is the syntax of one. */
export function aliasesOf(
  members: Members,
  path: string,
  isValid: (text: string) => boolean,
): readonly string[] {
  if (!has(members, "aliases")) return [];
  return arrayOf(members, "aliases", path).map((node, index) => {
    if (node.kind === "string" && isValid(node.value)) return node.value;
    return fail("this is no alias", `${path}/aliases/${index}`);
  });
}

/** Is the optional member there? Some generators write null for what they have not. */
export function has(members: Members, name: string): boolean {
  return (members.get(name)?.kind ?? "null") !== "null";
}

export function textOf(members: Members, name: string, path: string): string {
  const node = required(members, name, path);
  if (node.kind === "string") return node.value;
  return fail(`"${name}" is a string, not ${describeJson(node)}`, pointerStep(path, name));
}

export function arrayOf(members: Members, name: string, path: string): readonly JsonNode[] {
  const node = required(members, name, path);
  if (node.kind === "array") return node.items;
  return fail(`"${name}" is an array, not ${describeJson(node)}`, pointerStep(path, name));
}

function required(members: Members, name: string, path: string): JsonNode {
  return members.get(name) ?? fail(`the member "${name}" is missing`, path);
}
