/**
 * What happened in a run of the oracle, entry by entry, in the order in which it was seen. It can
 * be written to a file and judged again. It knows neither sockets nor Kafka.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export type Outcome = "stored" | "duplicate" | "rejected" | "retry";

/**
 * An event of a sender's: what it will be known by. One that goes on in another stream is claimed
 * again.
 */
export interface Claim {
  readonly kind: "claim";
  readonly id: string;
  readonly sender: string;
  /** Place among the events of its sender. */
  readonly ordinal: number;
  /** UUID; null for plain HTTP. */
  readonly stream: string | null;
  /** Its number on the stream. */
  readonly seq: number | null;
  readonly topic: string;
  readonly key: string;
  /** It fits its schema: it has to be stored. */
  readonly isSound: boolean;
}

/** A request, or a `pub` frame on one connection. */
interface Sent {
  readonly kind: "sent";
  readonly atMs: number;
  readonly batch: number;
  readonly sender: string;
  readonly ids: readonly string[];
}

/** The sender learnt what became of an event. */
interface Told {
  readonly kind: "told";
  readonly atMs: number;
  readonly id: string;
  readonly outcome: Outcome;
  readonly code?: string;
  /** The batch that was answered; null: learnt from a `welcome`. */
  readonly batch: number | null;
}

/**
 * A batch has its end: every event was told of, the connection went away, nothing ever came, or
 * what came accounts for more or fewer events than there were.
 */
interface Ended {
  readonly kind: "ended";
  readonly atMs: number;
  readonly batch: number;
  readonly how: "answered" | "closed" | "silent" | "miscounted";
}

/** A record as it was read back. */
export interface StoredRecord {
  readonly kind: "record";
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly id: string;
  readonly stream: string | null;
  readonly seq: number | null;
  readonly isFlagged: boolean;
  /** Its value is byte for byte what the event had to become. */
  readonly isEqual: boolean;
  /** What `sluice/consumer` said, the partition being read in order from its beginning. */
  readonly verdict: "first" | "duplicate" | "unknown";
  /** When its leader appended it, by the clock of this machine: ms since the run's beginning. */
  readonly appendedAtMs: number;
}

interface Ledger {
  readonly kind: "ledger";
  readonly atMs: number;
  readonly process: string;
  readonly isBalanced: boolean;
  readonly inFlight: number;
  /** Nothing will be sent any more. */
  readonly isLast: boolean;
}

interface Memory {
  readonly kind: "memory";
  readonly atMs: number;
  readonly process: string;
  readonly bytes: number;
}

/** A fresh event after everything was healed; null: it was not stored in time. */
interface Probe {
  readonly kind: "probe";
  readonly atMs: number;
  readonly latencyMs: number | null;
}

/** Something else worth reading: a fault, a restart, a connection. */
interface Note {
  readonly kind: "note";
  readonly atMs: number;
  readonly text: string;
}

export type Entry = Claim | Sent | Told | Ended | StoredRecord | Ledger | Memory | Probe | Note;

/** An entry of this kind without its time. */
type Untimed<T> = T extends { readonly atMs: number } ? Omit<T, "atMs"> : T;

export class History {
  readonly entries: Entry[] = [];
  /** Brokers say by the same clock when they append. */
  readonly startMs: number = Date.now();
  readonly #hear: (note: string) => void;

  /** `hear` gets every note at once. */
  constructor(hear: (note: string) => void = () => {}) {
    this.#hear = hear;
  }

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return Date.now() - this.startMs;
  }

  add(entry: Untimed<Entry>): void {
    // Claims and records have no time: one more member does them no harm.
    this.entries.push({ atMs: this.nowMs, ...entry } as Entry);
  }

  note(text: string): void {
    this.#hear(text);
    this.add({ kind: "note", text });
  }

  /** Writes it as lines of JSON. */
  async save(file: string): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, this.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  }
}

/** The entries of a file that `save` wrote. */
export async function loadEntries(file: string): Promise<Entry[]> {
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Entry);
}
