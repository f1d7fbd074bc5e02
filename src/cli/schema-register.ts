/** `sluice schema register`: makes schemas known to the registry, each under its subject. */
import { SCHEMA_COMMAND_DEADLINE_MS } from "../limits/commands.ts";
import { parseAvroSchema, SchemaError } from "../schema/avro/schema.ts";
import { RegistryClient } from "../schema/registry.ts";
import { CommandError, EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { Output } from "./io.ts";
import { findRegistry, settings } from "./places.ts";
import { readSchemaFiles } from "./schema-files.ts";

export async function registerSchemas(invocation: Invocation): Promise<ExitCode> {
  const files = await readSchemaFiles(invocation);
  const output = new Output(invocation.io.stdout);
  const errors = new Output(invocation.io.stderr);
  const config = settings(invocation);
  if (config.registryUrl.length === 0) {
    throw new CommandError(
      "There is no registry to register with: give --registry or SLUICE_REGISTRY_URL.",
    );
  }
  const { urls, auth } = findRegistry(config);
  const registry = new RegistryClient({
    urls,
    timeoutMs: SCHEMA_COMMAND_DEADLINE_MS,
    ...(auth !== undefined && { auth }),
  });
  let isGood = true;
  try {
    for (const file of files) {
      const { subject, text, label } = file;
      if (subject === undefined)
        throw new UsageError(`Under which subject? Give --subject for ${label}.`);
      const problem = problemOf(text);
      const answer =
        problem === undefined
          ? await registry.register(subject, text)
          : ({ kind: "refused", detail: problem } as const);
      if (answer.kind === "found") {
        await output.write(`${subject}  id ${answer.value.id}\n`);
      } else {
        isGood = false;
        await errors.write(`${subject} is not registered: ${answer.detail}.\n`);
      }
    }
  } finally {
    registry.close();
  }
  return isGood ? EXIT.good : EXIT.failed;
}

/** Why sluice could not encode with it: what it cannot read must not get a version. */
function problemOf(text: string): string | undefined {
  try {
    parseAvroSchema(text);
    return undefined;
  } catch (error) {
    if (error instanceof SchemaError) return error.message;
    throw error;
  }
}
