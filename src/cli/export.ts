/**
 * `sluice export`: a topic as Avro container files, one for each day (of the records' Kafka time,
 * UTC) and schema: DIRECTORY/TOPIC/day=2026-05-01/NAME-ID.avro. What is no Avro is counted and left
 * out.
 */
import { join } from "node:path";

import { ReaderError, type KafkaRecord } from "../delivery/reader.ts";
import { TopicReader } from "../delivery/topic-reader.ts";
import { systemClock } from "../lib/clock.ts";
import { READER_QUEUE_KIB_MAX, TAIL_CONNECT_TIMEOUT_MS } from "../limits/commands.ts";
import { parseAvroSchema } from "../schema/avro/schema.ts";
import { CONTAINER_CODECS, type ContainerCodec } from "../schema/container.ts";
import { splitRegistryValue } from "../schema/decode.ts";
import { nameOf } from "../schema/value-decoder.ts";
import { noteInAudit } from "./audit.ts";
import { CommandError, EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { ContainerOutput } from "./container-output.ts";
import { Output } from "./io.ts";
import { findKafka, findRegistry, settings } from "./places.ts";
import { ProgressBar } from "./progress-bar.ts";
import {
  edgeOf,
  rangeOf,
  readRange,
  RecordFilter,
  recordsLeft,
  type Range,
} from "./record-range.ts";
import { SchemaTexts } from "./schema-texts.ts";

/** Files that are written to at the same time. */
const FILES_MAX = 1_000;

interface Counts {
  records: number;
  notAvro: number;
}

export async function exportTopic(invocation: Invocation): Promise<ExitCode> {
  const topic = invocation.operands[0] ?? "";
  const { options, io } = invocation;
  const directory = options.get("directory");
  if (directory === undefined) throw new UsageError("sluice export needs --directory DIR.");
  const codec = CONTAINER_CODECS.find((each) => each === (options.get("codec") ?? "deflate"));
  if (codec === undefined) throw new UsageError("--codec is null or deflate.");
  const edges = {
    from: edgeOf("from", options.get("from")),
    until: edgeOf("until", options.get("until")),
  };
  const config = settings(invocation);
  const kafka = findKafka(config);
  const schemas = new SchemaTexts(findRegistry(config));
  const files = new DayFiles({ directory: join(directory, topic), codec, schemas });
  const counts: Counts = { records: 0, notAvro: 0 };
  try {
    const timeoutMs = TAIL_CONNECT_TIMEOUT_MS;
    const queueKib = READER_QUEUE_KIB_MAX;
    const reader = await TopicReader.open({ ...kafka, topic, timeoutMs, queueKib });
    try {
      const range = await rangeOf(reader, edges);
      const total = recordsLeft(range);
      const said = { topic, type: options.get("type") ?? null };
      await noteInAudit(config, {
        kafka,
        note: { what: "export_started", records: total, ...said },
      });
      await copy(invocation, { reader, range, files, counts });
      if (io.signal.aborted) throw new CommandError("Interrupted: nothing is written.");
      await files.finish();
      const note = { what: "export_ended" as const, records: counts.records, ...said };
      await noteInAudit(config, { kafka, note });
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof ReaderError) throw new CommandError(error.message);
    throw error;
  } finally {
    await files.discard();
    schemas.close();
  }
  const { records, notAvro } = counts;
  const summary = { topic, records, files: files.count, not_avro: notAvro };
  await new Output(io.stdout).write(`${JSON.stringify(summary)}\n`);
  return notAvro === 0 ? EXIT.good : EXIT.failed;
}

async function copy(
  invocation: Invocation,
  job: {
    readonly reader: TopicReader;
    readonly range: Range;
    readonly files: DayFiles;
    readonly counts: Counts;
  },
): Promise<void> {
  const { io, options } = invocation;
  const { reader, range, files, counts } = job;
  const filter = new RecordFilter(options);
  const total = recordsLeft(range);
  const errors = io.colour.stderr ? new Output(io.stderr) : undefined;
  const bar = new ProgressBar(errors, total, systemClock.monotonicMs);
  for await (const records of readRange(reader, range, io)) {
    for (const record of records) {
      if (!filter.matches(record)) continue;
      if (await files.append(record)) counts.records += 1;
      else counts.notAvro += 1;
    }
    await bar.show(total - recordsLeft(range));
  }
  await bar.end();
}

/** A file for each day and schema. */
class DayFiles {
  readonly #directory: string;
  readonly #codec: ContainerCodec;
  readonly #schemas: SchemaTexts;
  readonly #open = new Map<string, ContainerOutput>();
  count = 0;

  constructor(parts: {
    readonly directory: string;
    readonly codec: ContainerCodec;
    readonly schemas: SchemaTexts;
  }) {
    this.#directory = parts.directory;
    this.#codec = parts.codec;
    this.#schemas = parts.schemas;
  }

  /** False: it is no Avro. */
  async append({ value, timestampMs }: KafkaRecord): Promise<boolean> {
    const split = splitRegistryValue(value ?? new Uint8Array());
    if (split.kind === "other") return false;
    const day = timestampMs < 0 ? "unknown" : new Date(timestampMs).toISOString().slice(0, 10);
    const file = await this.#file(day, split.schemaId);
    await file.append(split.body);
    return true;
  }

  async finish(): Promise<void> {
    for (const [key, file] of this.#open) {
      await file.finish();
      this.#open.delete(key);
      this.count += 1;
    }
  }

  /** Nothing is left of what was not finished. */
  async discard(): Promise<void> {
    for (const file of this.#open.values()) await file.discard();
    this.#open.clear();
  }

  async #file(day: string, schemaId: number): Promise<ContainerOutput> {
    const key = `${day} ${schemaId}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    if (this.#open.size >= FILES_MAX) {
      throw new CommandError(`More than ${FILES_MAX} days and schemas: choose fewer with --from.`);
    }
    const schemaText = await this.#schemas.text(schemaId);
    const full = nameOf(parseAvroSchema(schemaText));
    const name = `${full.slice(full.lastIndexOf(".") + 1)}-${schemaId}.avro`;
    const path = join(this.#directory, `day=${day}`, name);
    const file = await ContainerOutput.create(path, { schemaText, codec: this.#codec });
    this.#open.set(key, file);
    return file;
  }
}
