/**
 * `sluice replay`: reads a range of a topic once more, into another topic, a container file or
 * standard output. Into a topic it goes on where it was, if it is told to remember: after each
 * portion that Kafka has confirmed its place is written to a file. What is done is noted in the
 * audit topic first.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { REPLAY_HEADER } from "../consumer/header.ts";
import { ReaderError, type KafkaRecord } from "../delivery/reader.ts";
import { PRODUCE_RECORDS_MAX, RecordProducer } from "../delivery/record-producer.ts";
import { TopicReader } from "../delivery/topic-reader.ts";
import { systemClock } from "../lib/clock.ts";
import { TokenBucket } from "../lib/token-bucket.ts";
import { READER_QUEUE_KIB_MAX, TAIL_CONNECT_TIMEOUT_MS } from "../limits/commands.ts";
import { splitRegistryValue } from "../schema/decode.ts";
import { ValueDecoder } from "../schema/value-decoder.ts";
import { noteInAudit } from "./audit.ts";
import { CommandError, EXIT, integerOption, UsageError, type Invocation } from "./command.ts";
import { ContainerOutput } from "./container-output.ts";
import { Output } from "./io.ts";
import { findKafka, findRegistry, settings, type KafkaPlace } from "./places.ts";
import { ProgressBar } from "./progress-bar.ts";
import { recordLine } from "./record-line.ts";
import {
  edgeOf,
  rangeOf,
  readRange,
  RecordFilter,
  recordsLeft,
  type Range,
} from "./record-range.ts";
import { registryFor } from "./registry-for.ts";
import { ReplayState } from "./replay-state.ts";
import { SchemaTexts } from "./schema-texts.ts";

/** Where records go. */
interface Target {
  put(records: readonly KafkaRecord[]): Promise<void>;
  /** Everything that was put is there. */
  finish(): Promise<void>;
  /** After `finish`, or instead of it. */
  close(): Promise<void>;
}

interface Plan {
  readonly id: string;
  readonly topic: string;
  readonly kafka: KafkaPlace;
  readonly target: Target;
  readonly isAudited: boolean;
  /** What the note says of where it went. */
  readonly to: string;
}

export async function replay(invocation: Invocation): Promise<typeof EXIT.good> {
  const topic = invocation.operands[0] ?? "";
  const { options } = invocation;
  const edges = {
    from: edgeOf("from", options.get("from")),
    until: edgeOf("until", options.get("until")),
  };
  const kafka = findKafka(settings(invocation));
  const state = await ReplayState.open(options.get("state"), {
    topic,
    question: JSON.stringify([options.get("from"), options.get("until"), options.get("to-topic")]),
  });
  try {
    const reader = await TopicReader.open({
      ...kafka,
      topic,
      timeoutMs: TAIL_CONNECT_TIMEOUT_MS,
      queueKib: READER_QUEUE_KIB_MAX,
    });
    try {
      const range = state.range ?? (await rangeOf(reader, edges));
      const id = state.id ?? randomUUID();
      await state.save(id, range);
      const plan = await planOf(invocation, { id, topic, kafka });
      await run(invocation, { plan, reader, range, state });
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof ReaderError) throw new CommandError(error.message);
    throw error;
  }
  return EXIT.good;
}

async function planOf(
  invocation: Invocation,
  base: { readonly id: string; readonly topic: string; readonly kafka: KafkaPlace },
): Promise<Plan> {
  const { options, io } = invocation;
  const toTopic = options.get("to-topic");
  const toFile = options.get("to-file");
  const chosen = [toTopic, toFile, options.get("print")].filter((each) => each !== undefined);
  if (chosen.length !== 1) throw new UsageError("Say one of --to-topic, --to-file and --print.");
  if (options.has("state") && toTopic === undefined) {
    throw new UsageError("--state goes with --to-topic: a file is written anew, or not at all.");
  }
  if (toTopic !== undefined) {
    if (toTopic === base.topic) throw new UsageError("--to-topic is the topic that is read.");
    const open = { ...base.kafka, topic: toTopic, timeoutMs: TAIL_CONNECT_TIMEOUT_MS };
    const producer = await RecordProducer.open(open);
    return { ...base, target: topicTarget(base.id, producer), isAudited: true, to: toTopic };
  }
  if (toFile !== undefined) {
    const schemas = new SchemaTexts(findRegistry(settings(invocation)));
    return { ...base, target: fileTarget(toFile, schemas), isAudited: true, to: "file" };
  }
  const target = printTarget(new Output(io.stdout), new ValueDecoder(registryFor(invocation)));
  return { ...base, target, isAudited: false, to: "print" };
}

async function run(
  invocation: Invocation,
  job: {
    readonly plan: Plan;
    readonly reader: TopicReader;
    readonly range: Range;
    readonly state: ReplayState;
  },
): Promise<void> {
  const { plan, reader, range, state } = job;
  const { options, io } = invocation;
  const { id, topic, to, target, kafka } = plan;
  const note = async (what: "replay_started" | "replay_ended", records: number) => {
    if (!plan.isAudited) return;
    const config = settings(invocation);
    const said = { what, replay: id, topic, to, type: options.get("type") ?? null, records };
    await noteInAudit(config, { kafka, note: said });
  };
  const filter = new RecordFilter(options);
  const pace = new Pace(integerOption(invocation, { name: "rate", min: 1 }), io.signal);
  const errors = new Output(io.stderr);
  const total = recordsLeft(range);
  const bar = new ProgressBar(
    io.colour.stderr ? errors : undefined,
    total,
    systemClock.monotonicMs,
  );
  const reached = new Map(range.next);
  let count = 0;
  await note("replay_started", total);
  try {
    for await (const records of readRange(reader, range, io)) {
      for (let at = 0; at < records.length && !io.signal.aborted; at += pace.recordsAtOnce) {
        const portion = records.slice(at, at + pace.recordsAtOnce);
        const wanted = portion.filter((record) => filter.matches(record));
        await pace.wait(wanted.length);
        await target.put(wanted);
        count += wanted.length;
        for (const { partition, offset } of portion) reached.set(partition, offset + 1);
        await state.save(id, { ...range, next: reached });
        await bar.show(total - recordsLeft({ ...range, next: reached }));
      }
    }
    const isWhole = !io.signal.aborted;
    if (isWhole) {
      await state.save(id, { ...range, next: new Map(range.ends) });
      await target.finish();
    }
    await bar.end();
    await note("replay_ended", count);
    const end = isWhole ? "" : state.isKept ? "; run it again to go on" : "; interrupted";
    await errors.write(`${count} records of ${topic} replayed${end}\n`);
  } finally {
    await target.close();
  }
}

/** Holds portions up, so that no more than so many records a second pass. */
class Pace {
  /** Of a low rate few go at once, so that it is even. */
  readonly recordsAtOnce: number;
  readonly #bucket: TokenBucket | undefined;
  readonly #signal: AbortSignal;

  constructor(perSecond: number | undefined, signal: AbortSignal) {
    this.#signal = signal;
    const burst = 1;
    const tenth = Math.ceil((perSecond ?? Number.POSITIVE_INFINITY) / 10);
    this.recordsAtOnce = Math.min(PRODUCE_RECORDS_MAX, tenth);
    this.#bucket =
      perSecond === undefined
        ? undefined
        : new TokenBucket({ perSecond, burst }, systemClock.monotonicMs);
  }

  async wait(records: number): Promise<void> {
    const bucket = this.#bucket;
    if (bucket === undefined) return;
    while (bucket.waitMs > 0 && !this.#signal.aborted) {
      await delay(bucket.waitMs, undefined, { signal: this.#signal }).catch(() => {});
    }
    bucket.take(records);
  }
}

/** Keys keep their order: those of one partition go one after another, a key to one partition. */
function topicTarget(id: string, producer: RecordProducer): Target {
  return {
    put: async (records) => {
      await producer.store(
        records.map((record) => ({
          key: record.key,
          value: record.value,
          headers: [...unmarked(record), [REPLAY_HEADER, markOf(id, record)] as const],
          timestampMs: null,
          partitionHint: record.partition,
        })),
      );
    },
    finish: async () => {},
    close: () => producer.close(),
  };
}

/** A record that is replayed twice says so once. */
function unmarked({ headers }: KafkaRecord): KafkaRecord["headers"] {
  return headers.filter(([name]) => name !== REPLAY_HEADER);
}

function markOf(id: string, record: KafkaRecord): Buffer {
  const { topic, partition, offset, timestampMs: timestamp } = record;
  return Buffer.from(JSON.stringify({ replay: id, topic, partition, offset, timestamp }));
}

/** One container has one schema: that of the first record. */
function fileTarget(path: string, schemas: SchemaTexts): Target {
  let output: ContainerOutput | undefined;
  let schemaId = 0;
  return {
    put: async (records) => {
      for (const record of records) {
        const split = splitRegistryValue(record.value ?? new Uint8Array());
        const place = `partition ${record.partition}, offset ${record.offset}`;
        if (split.kind === "other") throw new CommandError(`No Avro at ${place}: ${split.reason}.`);
        if (output === undefined) {
          const schemaText = await schemas.text(split.schemaId);
          schemaId = split.schemaId;
          output = await ContainerOutput.create(path, { schemaText, codec: "deflate" });
        }
        if (split.schemaId !== schemaId) {
          const both = `${schemaId} and ${split.schemaId}`;
          const advice = "choose with --type, or use sluice export, which makes a file for each";
          throw new CommandError(`The records have several schemas (${both}): ${advice}.`);
        }
        await output.append(split.body);
      }
    },
    finish: async () => {
      if (output === undefined) throw new CommandError("There are no such records: no file.");
      const whole = output;
      output = undefined;
      await whole.finish();
    },
    close: async () => {
      schemas.close();
      await output?.discard();
    },
  };
}

function printTarget(output: Output, decoder: ValueDecoder): Target {
  return {
    put: async (records) => {
      for (const record of records) {
        await output.write(recordLine(record, await decoder.decode(record.value)));
      }
    },
    finish: async () => {},
    close: async () => {},
  };
}
