/** `sluice encode`: JSON lines on standard input → Avro, as the gateway would encode them. */
import { randomBytes, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";

import { ENCODE_LINE_BYTES_MAX } from "../limits/commands.ts";
import { parseAvroSchema, SchemaError } from "../schema/avro/schema.ts";
import { CONTAINER_CODECS, ContainerWriter, type ContainerCodec } from "../schema/container.ts";
import { CommandError, EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { Output } from "./io.ts";
import { LineEncoder, type EncodedLine, type LineEncoderOptions } from "./line-encoder.ts";
import { LineSplitter } from "./lines.ts";
import { readText } from "./schema-files.ts";

export async function encode(invocation: Invocation): Promise<ExitCode> {
  const schemaFile = invocation.options.get("schema");
  if (schemaFile === undefined) throw new UsageError("sluice encode needs --schema FILE.");
  const json = choice(invocation, { name: "json", choices: ["plain", "avro"] as const });
  const codec = choice(invocation, { name: "codec", choices: CONTAINER_CODECS }, "deflate");
  const path = invocation.options.get("ocf");
  if (path === undefined && invocation.options.has("codec")) {
    throw new UsageError("--codec goes with --ocf FILE.");
  }
  const schemaText = await readText(schemaFile);
  const encoder = await createEncoder(schemaText, {
    schemaFile,
    json,
    privacySalt: invocation.env["SLUICE_PRIVACY_SALT"] ?? "",
    allFaults: invocation.options.has("all-faults"),
  });
  const output = new Output(invocation.io.stdout);
  if (path === undefined) {
    const counts = await encodeAll(invocation, { encoder, output, container: undefined });
    return counts.refused === 0 ? EXIT.good : EXIT.failed;
  }
  const container = await ContainerFile.create(path, { schemaText, codec });
  try {
    const counts = await encodeAll(invocation, { encoder, output, container });
    if (invocation.io.signal.aborted)
      throw new CommandError(`${path} is not written: interrupted.`);
    await container.finish();
    const refused = counts.refused === 0 ? "none refused" : `${counts.refused} refused`;
    const summary = `${path}: ${counts.encoded} records, ${refused}.\n`;
    await new Output(invocation.io.stderr).write(summary);
    return counts.refused === 0 ? EXIT.good : EXIT.failed;
  } finally {
    await container.discard();
  }
}

function choice<T extends string>(
  invocation: Invocation,
  option: { readonly name: string; readonly choices: readonly T[] },
  fallback = option.choices[0],
): T {
  const text = invocation.options.get(option.name) ?? fallback;
  const found = option.choices.find((candidate) => candidate === text);
  if (found !== undefined) return found;
  const shown = JSON.stringify(text);
  throw new UsageError(
    `--${option.name} is ${shown} but should be ${option.choices.join(" or ")}.`,
  );
}

async function createEncoder(
  schemaText: string,
  {
    schemaFile,
    json,
    ...options
  }: LineEncoderOptions & { readonly schemaFile: string; readonly json: "plain" | "avro" },
): Promise<LineEncoder> {
  try {
    return await LineEncoder.create(parseAvroSchema(schemaText), json, options);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new UsageError(`${schemaFile} is not a schema sluice can use: ${error.message}.`);
  }
}

interface Encoding {
  readonly encoder: LineEncoder;
  readonly output: Output;
  readonly container: ContainerFile | undefined;
}

interface Counts {
  encoded: number;
  refused: number;
}

async function encodeAll(invocation: Invocation, encoding: Encoding): Promise<Counts> {
  const splitter = new LineSplitter(ENCODE_LINE_BYTES_MAX);
  const counts: Counts = { encoded: 0, refused: 0 };
  for await (const chunk of chunks(invocation, encoding.output)) {
    await writeLines(encoding.encoder.encode(splitter.push(chunk)), { encoding, counts });
  }
  const last = splitter.finish();
  if (last !== undefined) {
    await writeLines(encoding.encoder.encode([last]), { encoding, counts });
  }
  return counts;
}

/** Standard input until its end, Ctrl-C, or until nobody reads the output. */
async function* chunks(invocation: Invocation, output: Output): AsyncGenerator<Buffer, void, void> {
  const { stdin, signal } = invocation.io;
  const stop = AbortSignal.any([signal, output.closed]);
  const close = (): void => void stdin.destroy();
  stop.addEventListener("abort", close, { once: true });
  try {
    for await (const chunk of stdin) {
      if (stop.aborted) return;
      // A stream without an encoding gives Buffers; one with an encoding, text.
      yield Buffer.from(chunk as Buffer | string);
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    stop.removeEventListener("abort", close);
  }
}

async function writeLines(
  lines: Iterable<EncodedLine>,
  options: { readonly encoding: Encoding; readonly counts: Counts },
): Promise<void> {
  const { encoding, counts } = options;
  let text = "";
  for (const line of lines) {
    if (line.kind === "fault") counts.refused += 1;
    else counts.encoded += 1;
    if (line.kind === "avro" && encoding.container !== undefined) {
      await encoding.container.append(line.avro);
    } else {
      text += lineJson(line);
    }
    if (text.length >= TEXT_LENGTH_MAX) {
      await encoding.output.write(text);
      text = "";
    }
  }
  if (text !== "") await encoding.output.write(text);
}

/** Text that is gathered before it is written. */
const TEXT_LENGTH_MAX = 64 * 1024;

function lineJson(line: EncodedLine): string {
  if (line.kind === "avro") {
    return `{"index":${line.index},"ok":true,"avro":"${Buffer.from(line.avro).toString("hex")}"}\n`;
  }
  const { index, fault, faults } = line;
  return `${JSON.stringify({ index, ok: false, ...fault, ...(faults && { faults }) })}\n`;
}

/** A container file that takes its name only when it is whole. */
class ContainerFile {
  readonly #path: string;
  readonly #partPath: string;
  readonly #writer: ContainerWriter;
  readonly #output: Output;
  readonly #close: () => Promise<void>;
  #isFinished = false;

  private constructor(
    path: string,
    options: { readonly schemaText: string; readonly codec: ContainerCodec },
  ) {
    this.#path = path;
    this.#partPath = `${path}.${randomUUID()}.part`;
    this.#writer = new ContainerWriter({ ...options, sync: randomBytes(16) });
    const stream = createWriteStream(this.#partPath, { flags: "wx" });
    this.#output = new Output(stream);
    this.#close = () => new Promise((resolve) => stream.end(() => resolve()));
  }

  /** Throws CommandError when the file cannot be written. */
  static async create(
    path: string,
    options: { readonly schemaText: string; readonly codec: ContainerCodec },
  ): Promise<ContainerFile> {
    const file = new ContainerFile(path, options);
    await file.#write(file.#writer.header());
    return file;
  }

  async append(record: Uint8Array): Promise<void> {
    const block = this.#writer.append(record);
    if (block !== undefined) await this.#write(block);
  }

  async finish(): Promise<void> {
    const block = this.#writer.finish();
    if (block !== undefined) await this.#write(block);
    await this.#close();
    await rename(this.#partPath, this.#path);
    this.#isFinished = true;
  }

  /** Takes the part file away, unless the file is whole. */
  async discard(): Promise<void> {
    if (this.#isFinished) return;
    await this.#close();
    await rm(this.#partPath, { force: true });
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#output.write(bytes);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new CommandError(`${this.#path} cannot be written: ${detail}.`);
    }
  }
}
