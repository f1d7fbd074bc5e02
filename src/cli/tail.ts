/**
 * `sluice tail`: prints a topic, decoded, one line of JSON for each record, until it is told to
 * stop.
 */
import { readTopic, ReaderError, type KafkaRecord } from "../delivery/reader.ts";
import { TAIL_CONNECT_TIMEOUT_MS } from "../limits/commands.ts";
import { CommandError, EXIT, integerOption, type Invocation } from "./command.ts";
import { Output } from "./io.ts";
import { findKafka, settings } from "./places.ts";
import { recordLine } from "./record-line.ts";
import { registryFor } from "./registry-for.ts";
import { ValueDecoder } from "../schema/value-decoder.ts";

export async function tail(invocation: Invocation): Promise<typeof EXIT.good> {
  const topic = invocation.operands[0] ?? "";
  const count = integerOption(invocation, { name: "count", min: 1 }) ?? Number.POSITIVE_INFINITY;
  const timeoutSeconds = integerOption(invocation, { name: "timeout", min: 1 });
  const stopAtEnd = invocation.options.has("no-follow");
  const config = settings(invocation);
  const output = new Output(invocation.io.stdout);
  const notices = new Output(invocation.io.stderr);
  const silence = new SilenceTimer(timeoutSeconds);
  const kafka = findKafka(config);
  const registry = registryFor(invocation);
  const decoder = new ValueDecoder(registry);
  const records = readTopic({
    ...kafka,
    topic,
    from: stopAtEnd || invocation.options.has("from-beginning") ? "beginning" : "end",
    stopAtEnd,
    connectTimeoutMs: TAIL_CONNECT_TIMEOUT_MS,
    signal: AbortSignal.any([invocation.io.signal, output.closed, silence.signal]),
    onReady: () => silence.restart(),
    onNotice: (sentence) => void notices.write(`${sentence}\n`),
  });
  try {
    await printRecords(records, { decoder, output, count, silence });
  } catch (error) {
    if (error instanceof ReaderError) throw new CommandError(error.message);
    throw error;
  } finally {
    silence.stop();
    registry?.close();
  }
  return EXIT.good;
}

interface Printing {
  readonly decoder: ValueDecoder;
  readonly output: Output;
  readonly count: number;
  readonly silence: SilenceTimer;
}

async function printRecords(
  records: AsyncIterable<KafkaRecord>,
  printing: Printing,
): Promise<void> {
  let printed = 0;
  for await (const record of records) {
    printing.silence.restart();
    const value = await printing.decoder.decode(record.value);
    await printing.output.write(recordLine(record, value));
    printed += 1;
    if (printed >= printing.count) break;
  }
}

/** Aborts its signal when nothing restarted it for the given time. */
class SilenceTimer {
  readonly #abort = new AbortController();
  readonly #seconds: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(seconds: number | undefined) {
    this.#seconds = seconds;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  restart(): void {
    if (this.#seconds === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abort.abort(), this.#seconds * 1_000);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
