/**
 * `sluice schema check`: is this a schema sluice can encode with, and may it follow the registered
 * one?
 */
import { styleText } from "node:util";

import { SCHEMA_COMMAND_DEADLINE_MS } from "../limits/commands.ts";
import { adviseOn } from "../schema/advice.ts";
import { canonicalForm, fingerprint64, fingerprintHex } from "../schema/avro/canonical.ts";
import { parseAvroSchema, SchemaError, type AvroSchema } from "../schema/avro/schema.ts";
import { compilePlan } from "../schema/plan/compile.ts";
import { RegistryClient } from "../schema/registry.ts";
import { EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { Output } from "./io.ts";
import { findRegistry, settings } from "./places.ts";
import { readSchemaFiles, type SchemaFile } from "./schema-files.ts";
import { nameOf } from "../schema/value-decoder.ts";

export async function checkSchemas(invocation: Invocation): Promise<ExitCode> {
  const files = await readSchemaFiles(invocation);
  const output = new Output(invocation.io.stdout);
  const paint = painter(invocation.io.colour.stdout);
  const registry = registryOf(invocation);
  let isGood = true;
  try {
    for (const file of files) {
      const judged = judge(file);
      const lines = judged.kind === "fault" ? [] : schemaLines(judged.schema, file, invocation);
      if (judged.kind === "fault") lines.push(paint.bad(`refused: ${judged.sentence}`));
      else lines.push(...judged.warnings.map((warning) => paint.warning(`warning: ${warning}`)));
      if (judged.kind === "sound" && registry !== undefined && file.subject !== undefined) {
        const answer = await askRegistry(registry, { subject: file.subject, text: file.text });
        lines.push(answer.isGood ? paint.good(answer.text) : paint.bad(answer.text));
        isGood &&= answer.isGood;
      }
      isGood &&= judged.kind === "sound";
      await output.write(
        `${paint.head(file.label)}\n${lines.map((line) => `  ${line}\n`).join("")}`,
      );
    }
  } finally {
    registry?.close();
  }
  return isGood ? EXIT.good : EXIT.failed;
}

type Judged =
  | { readonly kind: "sound"; readonly schema: AvroSchema; readonly warnings: readonly string[] }
  | { readonly kind: "fault"; readonly sentence: string };

/** Does what the gateway does with the schema before it serves it. */
function judge(file: SchemaFile): Judged {
  try {
    const schema = parseAvroSchema(file.text);
    const none: readonly string[] = [];
    const pointers = { id: none, key: none, time: none, actor: none, session: none };
    // Whether the gateway has a salt is a matter of its settings, not of the schema.
    compilePlan(schema, { json: file.json, pointers, hasPrivacySalt: true });
    const warnings = adviseOn(schema, file.text).map((advice) =>
      advice.at === "" ? advice.text : `${advice.at}: ${advice.text}`,
    );
    return { kind: "sound", schema, warnings };
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return { kind: "fault", sentence: error.message };
  }
}

function schemaLines(schema: AvroSchema, file: SchemaFile, invocation: Invocation): string[] {
  const lines = [describe(schema)];
  if (file.subject !== undefined) lines.push(`subject ${file.subject}`);
  lines.push(`fingerprint fp:${fingerprintHex(fingerprint64(schema))}`);
  if (invocation.options.has("canonical")) lines.push(`canonical ${canonicalForm(schema)}`);
  return lines;
}

/** "record a.B with 3 fields", "enum a.E", "array". */
function describe(schema: AvroSchema): string {
  const name = nameOf(schema);
  const named = name === schema.kind ? name : `${schema.kind} ${name}`;
  if (schema.kind !== "record") return named;
  return `${named} with ${schema.fields.length} field${schema.fields.length === 1 ? "" : "s"}`;
}

/** The registry, when the command line or the configuration names one. */
function registryOf(invocation: Invocation): RegistryClient | undefined {
  const config = settings(invocation);
  if (config.registryUrl.length === 0) return undefined;
  if (invocation.operands.length > 0 && !invocation.options.has("subject")) {
    if (!invocation.options.has("registry")) return undefined;
    throw new UsageError(
      "--registry needs --subject: with which subject should the file be compared?",
    );
  }
  const { urls, auth } = findRegistry(config);
  return new RegistryClient({
    urls,
    timeoutMs: SCHEMA_COMMAND_DEADLINE_MS,
    ...(auth !== undefined && { auth }),
  });
}

interface RegistryVerdict {
  readonly isGood: boolean;
  readonly text: string;
}

async function askRegistry(
  registry: RegistryClient,
  schema: { readonly subject: string; readonly text: string },
): Promise<RegistryVerdict> {
  const answer = await registry.checkCompatibility(schema.subject, schema.text);
  switch (answer.kind) {
    case "found": {
      const { compatible, messages } = answer.value;
      const why = messages.length === 0 ? "" : `: ${messages.join("; ")}`;
      return compatible
        ? { isGood: true, text: "compatible with the newest version in the registry" }
        : { isGood: false, text: `not compatible with the newest version in the registry${why}` };
    }
    case "missing":
      return { isGood: true, text: "new: the registry has no version of this subject" };
    case "refused":
    case "unsupported":
    case "failed":
      return { isGood: false, text: `the registry does not say: ${answer.detail}` };
    default:
      return answer satisfies never;
  }
}

/** Styles of text; all of them plain where no colour is wanted. */
function painter(
  colour: boolean,
): Record<"head" | "good" | "bad" | "warning", (text: string) => string> {
  const style = (format: "bold" | "green" | "red" | "yellow") => (text: string) =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  return { head: style("bold"), good: style("green"), bad: style("red"), warning: style("yellow") };
}
