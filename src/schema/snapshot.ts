/**
 * The last good schemas on disk, so that a restart while the registry is down still serves. One
 * JSON file per registry and pack, replaced in one step, with a checksum: a damaged file, or one of
 * another registry, is as good as none. It parses no schemas.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { SNAPSHOT_BYTES_MAX } from "../limits/schemas.ts";
import { jsonMembers } from "./json-members.ts";
import type { NumberedSchema } from "./type-schema.ts";

export interface SnapshotScope {
  readonly directory: string;
  /** Addresses of the registry; ids of another registry mean other schemas. */
  readonly registry: readonly string[];
  readonly pack: string;
}

export interface SnapshotEntry extends NumberedSchema {
  readonly subject: string;
}

export type SnapshotRead =
  | { readonly kind: "entries"; readonly entries: ReadonlyMap<string, SnapshotEntry> }
  | { readonly kind: "none" }
  | { readonly kind: "damaged"; readonly detail: string };

const FORMAT = 1;

/** Reads the file of this scope; never rejects. */
export async function readSnapshot(scope: SnapshotScope): Promise<SnapshotRead> {
  const file = snapshotFile(scope);
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > SNAPSHOT_BYTES_MAX) return damaged(file, `it has ${size} bytes`);
    text = await readFile(file, "utf8");
  } catch (error) {
    return codeOf(error) === "ENOENT" ? { kind: "none" } : damaged(file, codeOf(error));
  }
  return readText(text, file);
}

/** Replaces the file of this scope; a string says why that failed. Never rejects. */
export async function writeSnapshot(
  scope: SnapshotScope,
  entries: readonly SnapshotEntry[],
): Promise<string | undefined> {
  const file = snapshotFile(scope);
  const temporary = `${file}.${process.pid}.tmp`;
  const content = { registry: scope.registry, pack: scope.pack, schemas: entries };
  const text = JSON.stringify({ format: FORMAT, sha256: checksum(content), content });
  try {
    await mkdir(scope.directory, { recursive: true });
    const handle = await open(temporary, "w", 0o644);
    try {
      await handle.writeFile(text);
      // Without it a power cut may leave the new name on an empty file.
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    return undefined;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    return `${file} cannot be written (${codeOf(error)})`;
  }
}

/** Where the snapshot of this scope lies. */
export function snapshotFile({ directory, registry, pack }: SnapshotScope): string {
  const scope = createHash("sha256")
    .update(JSON.stringify([registry, pack]))
    .digest("hex");
  return join(directory, `schemas-${scope.slice(0, 16)}.json`);
}

function readText(text: string, file: string): SnapshotRead {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return damaged(file, "it is not JSON");
  }
  const { format, sha256, content } = jsonMembers(json);
  if (format !== FORMAT) return damaged(file, "its format is unknown");
  if (sha256 !== checksum(content)) return damaged(file, "its checksum is wrong");
  const { schemas } = jsonMembers(content);
  if (!Array.isArray(schemas)) return damaged(file, "it holds no schemas");
  const entries = new Map<string, SnapshotEntry>();
  for (const item of schemas) {
    const entry = readEntry(item);
    if (entry === undefined) return damaged(file, "one of its schemas is incomplete");
    entries.set(entry.subject, entry);
  }
  return { kind: "entries", entries };
}

function readEntry(json: unknown): SnapshotEntry | undefined {
  const { subject, schemaId, version, text, references } = jsonMembers(json);
  if (typeof subject !== "string" || typeof text !== "string") return undefined;
  if (typeof schemaId !== "number" || typeof version !== "number") return undefined;
  if (!Array.isArray(references)) return undefined;
  const texts = references.filter((reference) => typeof reference === "string");
  if (texts.length !== references.length) return undefined;
  return { subject, schemaId, version, text, references: texts };
}

function checksum(content: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(content) ?? "")
    .digest("hex");
}

function damaged(file: string, detail: string): SnapshotRead {
  return { kind: "damaged", detail: `${file} is not used: ${detail}` };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}
