/**
 * The names an event may give to a schema, and how each is found in a registry among the schemas of
 * one subject. Registries differ in what they can be asked (Karapace and old Apicurio cannot tell
 * where an id is used), so an id is also looked for among the versions of the subject.
 */
import { RESOLVE_VERSIONS_MAX, SUBJECT_BYTES_MAX } from "../limits/schemas.ts";
import { fingerprint64, fingerprintHex } from "./avro/canonical.ts";
import { parseAvroSchema, SchemaError } from "./avro/schema.ts";
import type {
  RegistryClient,
  RegistryFailure,
  RegistrySchema,
  RegistryVersion,
} from "./registry.ts";
import {
  type NumberedSchema,
  type SchemaFault,
  type TypeSchema,
  unavailable,
  unknown,
} from "./type-schema.ts";

export type SchemaName =
  | { readonly kind: "current" }
  | { readonly kind: "id"; readonly id: number }
  | { readonly kind: "version"; readonly version: number }
  | { readonly kind: "fingerprint"; readonly hex: string };

export type SchemaSearch =
  | { readonly kind: "found"; readonly schema: NumberedSchema }
  | SchemaFault;

/** What the text names; undefined: nothing that could be of this subject. */
export function readName(ref: string, subject: string): SchemaName | undefined {
  if (ref.length > SUBJECT_BYTES_MAX + VERSION_CHARACTERS_MAX) return undefined;
  // One spelling for each schema: every further one would be looked up and loaded again.
  if (/^[1-9][0-9]{0,9}$/.test(ref)) {
    const id = Number(ref);
    return id <= ID_MAX ? { kind: "id", id } : undefined;
  }
  if (ref.startsWith("fp:")) {
    const hex = ref.slice("fp:".length);
    return /^[0-9a-f]{16}$/.test(hex) ? { kind: "fingerprint", hex } : undefined;
  }
  if (ref === subject || ref === `${subject}:latest`) return { kind: "current" };
  if (!ref.startsWith(`${subject}:`)) return undefined;
  const version = ref.slice(subject.length + 1);
  if (!/^[1-9][0-9]{0,8}$/.test(version)) return undefined;
  return { kind: "version", version: Number(version) };
}

const ID_MAX = 0x7fffffff;
/** ":" and the digits of a version. */
const VERSION_CHARACTERS_MAX = 10;

/** Is it this schema that the name means? */
export function isNamed(name: SchemaName, schema: TypeSchema): boolean {
  switch (name.kind) {
    case "current":
      return true;
    case "id":
      return name.id === schema.schemaId;
    case "version":
      return name.version === schema.version;
    case "fingerprint":
      return hasFingerprint(schema.fingerprint, name.hex);
    default:
      return name satisfies never;
  }
}

/** Looks for the named schema among those of the subject. */
export async function searchSchema(
  registry: RegistryClient,
  subject: string,
  name: SchemaName,
): Promise<SchemaSearch> {
  switch (name.kind) {
    case "current": {
      const found = await registry.latest(subject);
      return found.kind === "found" ? numbered(found.value) : faultOf(found);
    }
    case "version": {
      const found = await registry.version(subject, name.version);
      return found.kind === "found" ? numbered(found.value) : faultOf(found);
    }
    case "id":
      return searchId(registry, subject, name.id);
    case "fingerprint":
      return searchVersions(registry, subject, {
        what: `with the fingerprint ${name.hex}`,
        isWanted: (version) => matches(version, name.hex),
      });
    default:
      return name satisfies never;
  }
}

async function searchId(
  registry: RegistryClient,
  subject: string,
  id: number,
): Promise<SchemaSearch> {
  const found = await registry.schemaById(id);
  if (found.kind !== "found") return faultOf(found);
  const uses = await registry.usesOfId(id);
  if (uses.kind === "unsupported" || uses.kind === "missing") {
    const isWanted = (version: RegistryVersion): boolean => version.id === id;
    return searchVersions(registry, subject, { what: `of the id ${id}`, isWanted });
  }
  if (uses.kind !== "found") return faultOf(uses);
  const use = uses.value.find((candidate) => candidate.subject === subject);
  if (use === undefined) return unknown(`the schema ${id} is not one of the subject "${subject}"`);
  const { text, references } = found.value;
  const schema = { schemaId: id, version: use.version, text, references };
  return { kind: "found", schema };
}

/** Goes through the versions of the subject, the newest first. */
async function searchVersions(
  registry: RegistryClient,
  subject: string,
  wanted: { readonly what: string; readonly isWanted: (version: RegistryVersion) => boolean },
): Promise<SchemaSearch> {
  const listed = await registry.versions(subject);
  if (listed.kind !== "found") return faultOf(listed);
  for (const number of listed.value.slice(-RESOLVE_VERSIONS_MAX).toReversed()) {
    const version = await registry.version(subject, number);
    if (version.kind === "found" && wanted.isWanted(version.value)) return numbered(version.value);
    // A version that was deleted meanwhile is not the wanted one; one that cannot be read may be.
    if (version.kind === "failed" || version.kind === "unsupported") return faultOf(version);
  }
  return unknown(`the subject "${subject}" has no schema ${wanted.what}`);
}

function numbered({ id, version, text, references }: RegistryVersion): SchemaSearch {
  return { kind: "found", schema: { schemaId: id, version, text, references } };
}

/** Only a registry that says so itself makes a schema unknown for good. */
function faultOf({ kind, detail }: RegistryFailure): SchemaFault {
  if (kind === "missing") return unknown(`the registry does not have it: ${detail}`);
  return unavailable(`the registry cannot answer: ${detail}`);
}

function matches(schema: RegistrySchema, hex: string): boolean {
  try {
    return hasFingerprint(fingerprint64(parseAvroSchema(schema.text, schema.references)), hex);
  } catch (error) {
    if (error instanceof SchemaError) return false;
    throw error;
  }
}

/** Tools print the number, or its bytes as they stand in a message: the other way round. */
function hasFingerprint(fingerprint: bigint, hex: string): boolean {
  const written = fingerprintHex(fingerprint);
  return hex === written || hex === Buffer.from(written, "hex").swap64().toString("hex");
}
