/**
 * Schema packs: a directory of .avsc files, with a pack.json that says which event type has which
 * schema, topic and subject, or without one. A pack is read once at start; what is wrong with it
 * ends the start with one sentence. It knows nothing of registries.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import {
  PACK_TYPES_MAX,
  SCHEMA_BYTES_MAX,
  SCHEMA_DEPTH_MAX,
  SUBJECT_BYTES_MAX,
} from "../limits/schemas.ts";
import { pointerStep, readJson, renderJson } from "./avro/json.ts";
import { type AvroSchema, parseAvroSchema, SchemaError } from "./avro/schema.ts";
import {
  DEFAULT_POINTERS,
  DEFAULT_SUBJECT,
  DEFAULT_TOPIC,
  PackError,
  type PackFile,
  type PackFileType,
  type PackTopic,
  readPackFile,
} from "./pack-file.ts";
import type { RoutePointers } from "./plan/compile.ts";

export interface Pack {
  readonly name: string;
  /** Absolute path. */
  readonly directory: string;
  /** `data`: the record is the event's member `data`; `whole`: it is the event itself. */
  readonly payload: "data" | "whole";
  /** Top-level member of an event that holds its type. */
  readonly typeMember: string;
  /** Member of the records that `ctx` (of a frame, of an event) is merged into; "": none. */
  readonly context: string;
  /** By type, in the order of the pack. */
  readonly types: ReadonlyMap<string, PackType>;
  /** Every topic of the types, and those that are only declared. */
  readonly topics: ReadonlyMap<string, PackTopic>;
}

export interface PackType {
  readonly type: string;
  /** Path inside the pack's directory. */
  readonly schemaFile: string;
  /** Strict JSON: comments of the file are gone. */
  readonly schemaText: string;
  readonly topic: string;
  readonly subject: string;
  readonly pointers: RoutePointers;
  readonly keyRequired: boolean;
  readonly json: "plain" | "avro";
}

const SUFFIX = ".avsc";
const BARE_TOPIC = "events";

/**
 * Loads the pack of that name from `packsDirectory`, or from the directory of that path. Throws
 * PackError.
 */
export async function loadPack(nameOrDirectory: string, packsDirectory: string): Promise<Pack> {
  const directory = await findDirectory(nameOrDirectory, packsDirectory);
  const file = join(directory, "pack.json");
  const text = await readText(file);
  const packFile =
    text === undefined ? await describeBareDirectory(directory) : readPackFile(text, file);
  return buildPack(packFile, { directory, file: text === undefined ? directory : file });
}

async function findDirectory(nameOrDirectory: string, packsDirectory: string): Promise<string> {
  const isName = /^[A-Za-z0-9_-]+$/.test(nameOrDirectory);
  const named = resolve(packsDirectory, nameOrDirectory);
  if (isName && (await isDirectory(named))) return named;
  const directory = resolve(nameOrDirectory);
  if (nameOrDirectory !== "" && (await isDirectory(directory))) return directory;
  const entries = await readdir(packsDirectory, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const known = names.length === 0 ? "there is none" : `there are ${names.toSorted().join(", ")}`;
  const problem = `no pack and no directory has this name; in ${packsDirectory} ${known}`;
  throw new PackError(`pack "${nameOrDirectory}"`, { member: "", problem });
}

/** A directory without pack.json: each .avsc file is a type, all go to one topic. */
async function describeBareDirectory(directory: string): Promise<PackFile> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(SUFFIX)).toSorted();
  if (names.length === 0) {
    const problem = "a pack has a pack.json or at least one .avsc file, here is neither";
    throw new PackError(directory, { member: "", problem });
  }
  if (names.length > PACK_TYPES_MAX) {
    const problem = `a pack may have ${PACK_TYPES_MAX} types, here are ${names.length} .avsc files`;
    throw new PackError(directory, { member: "", problem });
  }
  const types = names.map((schemaFile): [string, PackFileType] => [
    schemaFile.slice(0, -SUFFIX.length),
    {
      schemaFile,
      topic: BARE_TOPIC,
      subject: DEFAULT_SUBJECT,
      pointers: DEFAULT_POINTERS,
      keyRequired: false,
      json: "plain",
    },
  ]);
  return {
    name: directory.split(/[/\\]/).at(-1) ?? "pack",
    payload: "data",
    typeMember: "type",
    context: "",
    topics: new Map(),
    types: new Map(types),
  };
}

async function buildPack(
  packFile: PackFile,
  at: { readonly directory: string; readonly file: string },
): Promise<Pack> {
  const schemas = new Map<string, LoadedSchema>();
  const types = new Map<string, PackType>();
  const topics = new Map(packFile.topics);
  const subjects = new Map<string, PackType>();
  for (const [type, rules] of packFile.types) {
    const known = schemas.get(rules.schemaFile);
    const loaded = known ?? (await loadSchema(join(at.directory, rules.schemaFile)));
    schemas.set(rules.schemaFile, loaded);
    const subject = rules.subject
      .replaceAll("{topic}", rules.topic)
      .replaceAll("{record}", loaded.name);
    const packType = { ...rules, type, subject, schemaText: loaded.text };
    const other = subjects.get(subject);
    const problem =
      Buffer.byteLength(subject) > SUBJECT_BYTES_MAX
        ? `its subject has more than ${SUBJECT_BYTES_MAX} bytes`
        : other !== undefined && other.schemaFile !== rules.schemaFile
          ? `its subject "${subject}" is also that of "${other.type}", which has another schema`
          : undefined;
    if (problem !== undefined)
      throw new PackError(at.file, { member: pointerStep("/types", type), problem });
    subjects.set(subject, packType);
    types.set(type, packType);
    if (!topics.has(rules.topic)) topics.set(rules.topic, { name: rules.topic, ...DEFAULT_TOPIC });
  }
  const { name, payload, typeMember, context } = packFile;
  return { name, directory: at.directory, payload, typeMember, context, types, topics };
}

interface LoadedSchema {
  readonly text: string;
  readonly name: string;
}

async function loadSchema(file: string): Promise<LoadedSchema> {
  const text = await readText(file);
  if (text === undefined)
    throw new PackError(file, { member: "", problem: "there is no such file" });
  let schema: AvroSchema;
  try {
    schema = parseAvroSchema(text);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new PackError(file, { member: error.path, problem: error.problem });
  }
  if (schema.kind !== "record") {
    const problem = `the schema of a type is a record, this one is of the kind ${schema.kind}`;
    throw new PackError(file, { member: "", problem });
  }
  return { text: strictJson(text), name: schema.name };
}

/** The text itself if it is strict JSON; without its comments if not (registries refuse them). */
function strictJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return renderJson(readJson(text, SCHEMA_DEPTH_MAX));
  }
}

/** The file as text; undefined: it is not there. */
async function readText(file: string): Promise<string | undefined> {
  try {
    const { size } = await stat(file);
    if (size > SCHEMA_BYTES_MAX) {
      const problem = `it may have ${SCHEMA_BYTES_MAX} bytes, but has ${size}`;
      throw new PackError(file, { member: "", problem });
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof PackError) throw error;
    if (isMissing(error)) return undefined;
    const problem = error instanceof TypeError ? "it is not UTF-8" : "it cannot be read";
    throw new PackError(file, { member: "", problem });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
