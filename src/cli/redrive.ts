/**
 * `sluice redrive`: sends the events of a dead-letter topic once more, through a running gateway,
 * so that they are validated, keyed and stored as any other event, and what is refused again
 * becomes a new dead letter. How far it has come is kept in Kafka after each batch: run again, it
 * goes on.
 */
import { createHash } from "node:crypto";

import { writeKeys } from "../config/tenants.ts";
import { GroupProgress } from "../delivery/group-progress.ts";
import { readTopic, ReaderError } from "../delivery/reader.ts";
import { TAIL_CONNECT_TIMEOUT_MS } from "../limits/commands.ts";
import { noteInAudit } from "./audit.ts";
import { CommandError, EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { isJson, readDeadLetter, type DeadLetterText } from "./dead-letter.ts";
import { EventSender } from "./event-sender.ts";
import { Output } from "./io.ts";
import { findGateway, findKafka, settings } from "./places.ts";

/** Events of one request, and the text of them: well below what a gateway takes. */
const BATCH_EVENTS_MAX = 100;
const BATCH_BYTES_MAX = 512 * 1024;

interface Summary {
  read: number;
  matched: number;
  stored: number;
  duplicate: number;
  /** Refused again: there is a new dead letter of it. */
  rejected: number;
  /** Their payload was not kept, is no JSON, or is of a dialect that has no batches of JSON. */
  unusable: number;
}

export async function redrive(invocation: Invocation): Promise<ExitCode> {
  const topic = invocation.operands[0] ?? "";
  const isDryRun = invocation.options.has("dry-run");
  const config = settings(invocation);
  const kafka = findKafka(config);
  const filter = new LetterFilter(invocation.options);
  const output = new Output(invocation.io.stdout);
  const signal = AbortSignal.any([invocation.io.signal, output.closed]);
  const keys = new KeyRing(writeKeys(config), invocation.options.get("write-key"));
  const summary = { read: 0, matched: 0, stored: 0, duplicate: 0, rejected: 0, unusable: 0 };
  const group = invocation.options.get("group") ?? filter.groupName;
  const note = async (what: "redrive_started" | "redrive_ended", counts: object): Promise<void> => {
    if (isDryRun) return;
    await noteInAudit(config, { kafka, note: { what, topic, group, ...counts } });
  };
  try {
    await note("redrive_started", {});
    const open = { ...kafka, group, topic, timeoutMs: TAIL_CONNECT_TIMEOUT_MS };
    const progress = await GroupProgress.open(open);
    try {
      const url = isDryRun ? "" : findGateway(config, invocation.options.get("url"));
      const run = new Redrive({
        sender: new EventSender({ url, signal }),
        keys,
        summary,
        commit: (offsets) => progress.commit(offsets),
        notices: new Output(invocation.io.stderr),
      });
      const records = readTopic({
        ...kafka,
        topic,
        from: filter.isFromStart ? "beginning" : progress.offsets,
        stopAtEnd: true,
        connectTimeoutMs: TAIL_CONNECT_TIMEOUT_MS,
        signal,
      });
      for await (const record of records) {
        const letter = readDeadLetter(record);
        if (!isDryRun) await run.take(letter, filter.matches(letter));
        else if (filter.matches(letter)) await output.write(describe(letter));
        if (isDryRun) countDry(summary, letter, filter);
      }
      if (!isDryRun) await run.end();
    } finally {
      await progress.close();
      await note("redrive_ended", summary);
    }
  } catch (error) {
    if (!isDryRun) await output.write(`${JSON.stringify({ topic, group, ...summary })}\n`);
    if (error instanceof ReaderError) throw new CommandError(error.message);
    throw error;
  }
  await output.write(`${JSON.stringify({ topic, group, ...summary })}\n`);
  return summary.rejected + summary.unusable === 0 ? EXIT.good : EXIT.failed;
}

function countDry(summary: Summary, letter: DeadLetterText, filter: LetterFilter): void {
  summary.read += 1;
  if (!filter.matches(letter)) return;
  summary.matched += 1;
  if (!isUsable(letter)) summary.unusable += 1;
}

function describe(letter: DeadLetterText): string {
  const { event, ...facts } = letter;
  return `${JSON.stringify({ ...facts, isUsable: isUsable(letter), bytes: event?.length ?? 0 })}\n`;
}

function isUsable({ event, dialect }: DeadLetterText): boolean {
  return event !== null && dialect === "native" && isJson(event);
}

interface RedriveParts {
  readonly sender: EventSender;
  readonly keys: KeyRing;
  readonly summary: Summary;
  readonly commit: (offsets: ReadonlyMap<number, number>) => void;
  readonly notices: Output;
}

/** Gathers letters of one sender, sends them, and notes how far it has come. */
class Redrive {
  readonly #parts: RedriveParts;
  #batch: string[] = [];
  #bytes = 0;
  #writeKey = "";
  #toldAt = 0;
  readonly #next: Map<number, number> = new Map();

  constructor(parts: RedriveParts) {
    this.#parts = parts;
  }

  async take(letter: DeadLetterText, isWanted: boolean): Promise<void> {
    const { summary, keys } = this.#parts;
    summary.read += 1;
    if (isWanted) {
      summary.matched += 1;
      if (letter.event === null || !isUsable(letter)) summary.unusable += 1;
      else {
        const writeKey = keys.keyOf(letter);
        const bytes = Buffer.byteLength(letter.event);
        const isFull =
          this.#batch.length >= BATCH_EVENTS_MAX || this.#bytes + bytes > BATCH_BYTES_MAX;
        if (isFull || writeKey !== this.#writeKey) await this.#send();
        this.#writeKey = writeKey;
        this.#batch.push(letter.event);
        this.#bytes += bytes;
      }
    }
    this.#next.set(letter.partition, letter.offset + 1);
  }

  async end(): Promise<void> {
    await this.#send();
  }

  async #send(): Promise<void> {
    const { sender, summary, commit, notices } = this.#parts;
    if (this.#batch.length > 0) {
      const counts = await sender.send(this.#batch, this.#writeKey);
      summary.stored += counts.stored;
      summary.duplicate += counts.duplicate;
      summary.rejected += counts.rejected;
    }
    this.#batch = [];
    this.#bytes = 0;
    commit(this.#next);
    this.#next.clear();
    if (summary.read - this.#toldAt < 10 * BATCH_EVENTS_MAX) return;
    this.#toldAt = summary.read;
    await notices.write(`${summary.read} letters read, ${summary.stored} events stored\n`);
  }
}

/** Which letters are meant. */
class LetterFilter {
  readonly #wanted: ReadonlyArray<readonly ["code" | "type" | "tenant", string]>;
  readonly #from: Edge;
  readonly #to: Edge;

  constructor(options: ReadonlyMap<string, string>) {
    this.#wanted = (["code", "type", "tenant"] as const).flatMap((name) => {
      const value = options.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    this.#from = edge("from", options.get("from"), Number.NEGATIVE_INFINITY);
    this.#to = edge("to", options.get("to"), Number.POSITIVE_INFINITY);
  }

  /** With --from it does not go on where it ended. */
  get isFromStart(): boolean {
    return this.#from.kind !== "none";
  }

  /** Another choice of letters has another progress. */
  get groupName(): string {
    const text = JSON.stringify([this.#wanted, this.#to]);
    if (this.#wanted.length === 0 && this.#to.kind === "none") return "sluice-redrive";
    return `sluice-redrive-${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
  }

  matches(letter: DeadLetterText): boolean {
    for (const [name, value] of this.#wanted) if (letter[name] !== value) return false;
    return place(letter, this.#from) >= this.#from.at && place(letter, this.#to) < this.#to.at;
  }
}

interface Edge {
  readonly kind: "offset" | "time" | "none";
  readonly at: number;
}

function edge(name: string, value: string | undefined, none: number): Edge {
  if (value === undefined) return { kind: "none", at: none };
  if (/^\d+$/.test(value)) return { kind: "offset", at: Number(value) };
  const at = Date.parse(value);
  if (Number.isNaN(at)) {
    throw new UsageError(`--${name} is an offset or a time (2026-05-01T12:00:00Z), not ${value}.`);
  }
  return { kind: "time", at };
}

function place(letter: DeadLetterText, { kind }: Edge): number {
  if (kind === "none") return 0;
  return kind === "offset" ? letter.offset : letter.timestampMs;
}

/** The write keys by which events go back to the tenant and source they came from. */
class KeyRing {
  readonly #keys: ReadonlyMap<string, string>;
  readonly #given: string | undefined;
  /** Whose letters go by the key that was given; null: none came yet. */
  #tenant: string | null = null;

  constructor(entries: ReturnType<typeof writeKeys>, given: string | undefined) {
    this.#keys = new Map(
      entries.map(({ tenant, source, writeKey }) => [`${tenant}/${source}`, writeKey]),
    );
    this.#given = given;
  }

  keyOf({ tenant, source }: DeadLetterText): string {
    if (this.#given !== undefined) return this.#givenFor(tenant, this.#given);
    const key = this.#keys.get(`${tenant}/${source}`);
    if (key !== undefined) return key;
    const advice = "set SLUICE_TENANTS as the gateway has it, or give --write-key";
    throw new CommandError(`There is no write key for ${tenant}/${source}: ${advice}.`);
  }

  /** One key is one tenant's: events of another one must not become his. */
  #givenFor(tenant: string, key: string): string {
    this.#tenant ??= tenant;
    if (tenant === this.#tenant) return key;
    const advice = "--write-key is for one of them: name it by --tenant, or set SLUICE_TENANTS";
    const both = `${this.#tenant} and ${tenant}`;
    throw new CommandError(`There are letters of several tenants (${both}): ${advice}.`);
  }
}
