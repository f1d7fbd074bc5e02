/** The schemas a `sluice schema` command is about: files named one by one, or a whole pack. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { SCHEMA_BYTES_MAX } from "../limits/schemas.ts";
import { PackError } from "../schema/pack-file.ts";
import { loadPack } from "../schema/pack.ts";
import { CommandError, UsageError, type Invocation } from "./command.ts";

/** The packs that come with sluice. */
export const PACKS_DIRECTORY = fileURLToPath(new URL("../../packs", import.meta.url));

export interface SchemaFile {
  /** For people. */
  readonly label: string;
  readonly text: string;
  readonly subject: string | undefined;
  readonly json: "plain" | "avro";
}

/** At least one. Throws UsageError or CommandError. */
export async function readSchemaFiles(invocation: Invocation): Promise<readonly SchemaFile[]> {
  const pack = invocation.options.get("pack");
  const subject = invocation.options.get("subject");
  const files = invocation.operands;
  if ((pack === undefined) === (files.length === 0)) {
    throw new UsageError("Name either schema files or --pack NAME.");
  }
  if (subject !== undefined && (pack !== undefined || files.length > 1)) {
    throw new UsageError("--subject goes with exactly one file.");
  }
  if (pack !== undefined) return await readPack(pack);
  return await Promise.all(
    files.map(async (file) => ({
      label: file,
      text: await readText(file),
      subject,
      json: "plain",
    })),
  );
}

/** Types that share a schema and a subject are one. */
async function readPack(name: string): Promise<readonly SchemaFile[]> {
  try {
    const pack = await loadPack(name, PACKS_DIRECTORY);
    const found = new Map<string, SchemaFile>();
    for (const type of pack.types.values()) {
      const file = {
        label: `${pack.name}/${type.schemaFile}`,
        text: type.schemaText,
        subject: type.subject,
        json: type.json,
      };
      found.set(JSON.stringify([type.schemaFile, type.subject]), file);
    }
    return [...found.values()];
  } catch (error) {
    if (error instanceof PackError) throw new CommandError(error.message);
    throw error;
  }
}

/** The text of a schema file. Throws CommandError. */
export async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new CommandError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  if (bytes.length > SCHEMA_BYTES_MAX) {
    throw new CommandError(
      `${file} has ${bytes.length} bytes; a schema has at most ${SCHEMA_BYTES_MAX}.`,
    );
  }
  return bytes.toString("utf8");
}
