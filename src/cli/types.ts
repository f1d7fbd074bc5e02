/** `sluice types`: TypeScript for those who send the events of a pack, or of schema files. */
import { basename } from "node:path";

import { parseAvroSchema, SchemaError, type AvroSchema } from "../schema/avro/schema.ts";
import { PackError } from "../schema/pack-file.ts";
import { loadPack } from "../schema/pack.ts";
import { CommandError, EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { Output } from "./io.ts";
import { PACKS_DIRECTORY, readText } from "./schema-files.ts";
import { typescriptTypes, type EventType } from "./typescript-types.ts";

export async function printTypes(invocation: Invocation): Promise<ExitCode> {
  const { operands, options, io } = invocation;
  const pack = options.get("pack");
  if ((pack === undefined) === (operands.length === 0)) {
    throw new UsageError("Name either schema files or --pack NAME.");
  }
  const events = pack === undefined ? await readFiles(operands) : await readPack(pack);
  const words = pack === undefined ? operands.map((file) => basename(file)) : ["--pack", pack];
  await new Output(io.stdout).write(
    typescriptTypes(events, ["sluice", "types", ...words].join(" ")),
  );
  return EXIT.good;
}

async function readPack(name: string): Promise<EventType[]> {
  try {
    const { types } = await loadPack(name, PACKS_DIRECTORY);
    return [...types.values()].map(({ type, schemaText, schemaFile, json }) => {
      return { type, json, schema: parse(schemaText, schemaFile) };
    });
  } catch (error) {
    if (error instanceof PackError) throw new CommandError(error.message);
    throw error;
  }
}

/** Each file is the type of its name, as in a directory without pack.json. */
function readFiles(files: readonly string[]): Promise<EventType[]> {
  return Promise.all(
    files.map(async (file) => {
      const schema = parse(await readText(file), file);
      return { type: basename(file, ".avsc"), json: "plain", schema } as const;
    }),
  );
}

function parse(text: string, label: string): AvroSchema {
  try {
    return parseAvroSchema(text);
  } catch (error) {
    if (error instanceof SchemaError) throw new CommandError(`${label}: ${error.message}.`);
    throw error;
  }
}
