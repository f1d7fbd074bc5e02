/**
 * The judge: a history in, a verdict for each invariant out. Pure. Invariants are those of
 * docs/guarantees.md: I1 nothing acked is missing; I2 nothing is there that was not sent, or
 * otherwise than it was sent; I3 doubles only of what was sent again, flagged on streams; I4 order
 * of a sender's events of one key, except those that the sender was told to send again; I5 ledgers
 * balance; I6 memory is bounded; I8 service comes back; I9 one end for each batch, one final
 * outcome for each event.
 */
import type { Claim, Entry, Outcome, StoredRecord } from "./history.ts";

export const INVARIANTS = {
  I1: "an event that was answered stored is in Kafka",
  I2: "what is in Kafka was sent, and is equal to what was sent",
  I3: "doubles only of events that were sent again, flagged on streams, droppable by consumers",
  I4: "events of one sender and key are stored in their order, except those told to be sent again",
  I5: "the ledger balances at any moment and ends with nothing in flight",
  I6: "memory stays under its bound",
  I8: "after healing a fresh event is stored within its bound",
  I9: "every batch has one end, every event one final outcome, and the right one",
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Sin {
  readonly invariant: Invariant;
  readonly what: string;
  /** The event it is about, if it is about one. */
  readonly id?: string;
}

export interface Bounds {
  /** Resident memory of a gateway. */
  readonly memoryBytesMax: number;
  /** From the sending of the fresh event to its answer. */
  readonly probeMsMax: number;
}

export interface Judgement {
  readonly sins: readonly Sin[];
  readonly outcomes: Readonly<Record<Outcome | "none", number>>;
  readonly events: number;
  readonly batches: number;
  readonly batchesLost: number;
  readonly records: number;
  /** Records beyond the first of their event. */
  readonly doubles: number;
  readonly doublesFlagged: number;
  readonly memoryBytesHighest: number;
  readonly probeMs: number | null;
}

/** What is known of one event. */
interface Case {
  readonly claim: Claim;
  /** Streams and numbers it had, `stream/seq`. */
  readonly places: Set<string>;
  /** Batches it was sent in, by their place in the history. */
  readonly sends: number[];
  readonly told: Outcome[];
  readonly records: StoredRecord[];
  /** When its final outcome was told. */
  finalAtMs?: number;
}

/** What two readings of one clock may differ by: it is read in whole milliseconds. */
const CLOCK_MS = 2;

interface Batch {
  readonly ids: readonly string[];
  readonly ends: string[];
}

/** An event and the first record of it. */
interface Placed {
  readonly known: Case;
  readonly record: StoredRecord;
}

export function judge(entries: readonly Entry[], bounds: Bounds): Judgement {
  const court = new Court(bounds);
  for (const entry of entries) court.hear(entry);
  return court.judgement();
}

class Court {
  readonly #bounds: Bounds;
  readonly #sins: Sin[] = [];
  readonly #cases = new Map<string, Case>();
  /** Batches by number: what they held and what came of it. */
  readonly #batches = new Map<number, Batch>();
  /** In the order in which they were sent. */
  readonly #sent: Batch[] = [];
  readonly #toldInBatch = new Set<string>();
  readonly #records: StoredRecord[] = [];
  readonly #ledgers = new Map<string, number>();
  #memory = 0;
  #probeMs: number | null | undefined;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  #sin(invariant: Invariant, what: string, id?: string): void {
    this.#sins.push({ invariant, what, ...(id === undefined ? {} : { id }) });
  }

  hear(entry: Entry): void {
    switch (entry.kind) {
      case "claim":
        this.#hearClaim(entry);
        break;
      case "sent":
        this.#hearSent(entry.batch, entry.ids);
        break;
      case "told":
        this.#hearTold(entry);
        break;
      case "ended":
        this.#batches.get(entry.batch)?.ends.push(entry.how);
        break;
      case "record":
        this.#records.push(entry);
        this.#hearRecord(entry);
        break;
      case "ledger":
        if (!entry.isBalanced) this.#sin("I5", `the ledger of ${entry.process} does not balance`);
        if (entry.isLast) this.#ledgers.set(entry.process, entry.inFlight);
        break;
      case "memory":
        this.#memory = Math.max(this.#memory, entry.bytes);
        break;
      case "probe":
        this.#probeMs = entry.latencyMs;
        break;
      case "note":
        break;
      default:
        entry satisfies never;
    }
  }

  #hearClaim(claim: Claim): void {
    const { id, stream, seq } = claim;
    const known = this.#cases.get(id) ?? {
      claim,
      places: new Set(),
      sends: [],
      told: [],
      records: [],
    };
    known.places.add(`${stream}/${seq}`);
    this.#cases.set(id, known);
  }

  #case(id: string): Case {
    const found = this.#cases.get(id);
    if (found === undefined) throw new Error(`the history has no claim of ${id}`);
    return found;
  }

  #hearSent(number: number, ids: readonly string[]): void {
    const batch = { ids, ends: [] };
    this.#batches.set(number, batch);
    for (const id of ids) this.#case(id).sends.push(this.#sent.length);
    this.#sent.push(batch);
  }

  #hearTold(entry: Extract<Entry, { readonly kind: "told" }>): void {
    const { id, outcome, batch, atMs } = entry;
    const known = this.#case(id);
    const { told } = known;
    const final = told.find((each) => each !== "retry");
    if (final !== undefined) this.#sin("I9", `told ${outcome} after ${final}`, id);
    told.push(outcome);
    if (outcome !== "retry") known.finalAtMs ??= atMs;
    if (batch === null) return;
    const inBatch = `${batch}/${id}`;
    if (this.#toldInBatch.has(inBatch)) this.#sin("I9", "told of twice in one batch", id);
    this.#toldInBatch.add(inBatch);
  }

  #hearRecord(record: StoredRecord): void {
    const { id } = record;
    const known = this.#cases.get(id);
    if (known === undefined) {
      this.#sin("I2", `a ghost at ${place(record)}: nobody sent it`, id);
      return;
    }
    known.records.push(record);
    const { claim } = known;
    if (known.sends.length === 0)
      this.#sin("I2", `stored before it was sent, at ${place(record)}`, id);
    if (!claim.isSound) this.#sin("I2", `stored though it does not fit, at ${place(record)}`, id);
    else if (!record.isEqual) this.#sin("I2", `its bytes are others, at ${place(record)}`, id);
    if (record.key !== claim.key) this.#sin("I2", `its key is ${record.key}`, id);
    if (record.topic !== claim.topic) this.#sin("I2", `its topic is ${record.topic}`, id);
    if (!known.places.has(`${record.stream}/${record.seq}`)) {
      this.#sin("I2", `its header says ${record.stream} ${record.seq}`, id);
    }
  }

  judgement(): Judgement {
    const outcomes = { stored: 0, duplicate: 0, rejected: 0, retry: 0, none: 0 };
    let doubles = 0;
    let doublesFlagged = 0;
    for (const each of this.#cases.values()) {
      outcomes[this.#judgeOutcome(each)] += 1;
      const further = this.#judgeDoubles(each);
      doubles += further.length;
      doublesFlagged += further.filter(({ isFlagged }) => isFlagged).length;
    }
    this.#judgeOrder();
    const batchesLost = this.#judgeBatches();
    this.#judgeProcesses();
    return {
      sins: this.#sins,
      outcomes,
      events: this.#cases.size,
      batches: this.#batches.size,
      batchesLost,
      records: this.#records.length,
      doubles,
      doublesFlagged,
      memoryBytesHighest: this.#memory,
      probeMs: this.#probeMs ?? null,
    };
  }

  /** I1, and the part of I9 that is about one event; gives its outcome. */
  #judgeOutcome({ claim, told, records, finalAtMs = NaN }: Case): Outcome | "none" {
    const { id, isSound } = claim;
    const final = told.find((each) => each !== "retry");
    if (final === undefined) {
      this.#sin("I9", "never got a final outcome", id);
      return told.length > 0 ? "retry" : "none";
    }
    if ((final === "stored" || final === "duplicate") && records.length === 0) {
      this.#sin("I1", `answered ${final} and not in Kafka`, id);
    }
    const earlyMs = Math.min(...records.map(({ appendedAtMs }) => appendedAtMs)) - finalAtMs;
    if (final !== "rejected" && records.length > 0 && earlyMs > CLOCK_MS) {
      this.#sin("I1", `answered ${final} ${earlyMs} ms before Kafka had it`, id);
    }
    if (final === "rejected" && isSound) this.#sin("I9", "rejected though it fits", id);
    if (final !== "rejected" && !isSound) this.#sin("I9", `${final} though it does not fit`, id);
    return final;
  }

  /** I3; gives the records beyond the first. */
  #judgeDoubles({ claim, sends, records }: Case): StoredRecord[] {
    const [, ...further] = records.toSorted((a, b) => a.offset - b.offset);
    if (records.length > sends.length) {
      this.#sin("I3", `${records.length} records, sent ${sends.length} times`, claim.id);
    }
    if (new Set(records.map(({ partition }) => partition)).size > 1) {
      this.#sin("I3", "its records are in several partitions", claim.id);
    }
    if (claim.stream === null) return further;
    for (const ofStream of Map.groupBy(records, ({ stream }) => stream).values()) {
      this.#judgeStreamDoubles(ofStream.toSorted((a, b) => a.offset - b.offset));
    }
    return further;
  }

  /**
   * Records of one event and one stream. One of them may be without a flag: its first sending,
   * which may land behind a later one where its gateway was superseded or died meanwhile.
   */
  #judgeStreamDoubles(records: readonly StoredRecord[]): void {
    const [, ...unflagged] = records.filter(({ isFlagged }) => !isFlagged);
    for (const record of unflagged) {
      this.#sin("I3", `not flagged, at ${place(record)}`, record.id);
    }
    const firsts = records.filter(({ verdict }) => verdict === "first").length;
    if (firsts === 1) return;
    this.#sin("I3", `a consumer takes ${firsts} of ${records.length} records`, records[0]?.id);
  }

  /**
   * I4, over the first record of each event. Told to be sent again is an event whose answer was
   * `retry`, or that a `welcome` left open although it called a later number of the stream final.
   */
  #judgeOrder(): void {
    const last = new Map<string, Placed>();
    const met = new Set<string>();
    const byPlace = this.#records.toSorted(
      (a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition || a.offset - b.offset,
    );
    for (const record of byPlace) {
      const known = this.#cases.get(record.id);
      if (known === undefined || met.has(record.id)) continue;
      met.add(record.id);
      const { claim, told } = known;
      if (told.includes("retry")) continue;
      const lane = `${claim.sender} ${record.topic} ${record.partition} ${claim.key}`;
      const before = last.get(lane);
      const found = { known, record };
      if (before === undefined || before.known.claim.ordinal < claim.ordinal) last.set(lane, found);
      else if (!this.#isUnheard(found, before)) {
        this.#sin("I4", `stored behind ${before.record.id} at ${place(record)}`, claim.id);
      }
    }
  }

  /**
   * May the event have been answered `retry` where nobody heard it? Both lost their answers, the
   * other not before it, and it was sent again: on a stream in doubt, which its record says.
   */
  #isUnheard({ known, record }: Placed, other: Placed): boolean {
    const lost = this.#lostSends(known)[0] ?? Infinity;
    const otherLost = this.#lostSends(other.known).at(-1) ?? -Infinity;
    const wasSentAgain = (known.sends.at(-1) ?? 0) > lost;
    return lost <= otherLost && wasSentAgain && (record.stream === null || record.isFlagged);
  }

  /** Those that got no answer because the connection went away. */
  #lostSends({ sends }: Case): number[] {
    return sends.filter((send) => this.#sent[send]?.ends[0] === "closed");
  }

  /** I9 for batches; gives how many had no answer because their connection went away. */
  #judgeBatches(): number {
    let lost = 0;
    for (const [number, { ids, ends }] of this.#batches) {
      const [end] = ends;
      if (end === "closed") lost += 1;
      const about = `batch ${number} (${ids[0]} …)`;
      if (ends.length > 1) this.#sin("I9", `${about} has ${ends.length} ends`);
      else if (end === undefined || end === "silent") this.#sin("I9", `${about} got no answer`);
      else if (end === "miscounted") this.#sin("I9", `${about}: the answer leaves events out`);
    }
    return lost;
  }

  #judgeProcesses(): void {
    for (const [process, inFlight] of this.#ledgers) {
      if (inFlight !== 0) this.#sin("I5", `${process} ends with ${inFlight} events in flight`);
    }
    const { memoryBytesMax, probeMsMax } = this.#bounds;
    if (this.#memory > memoryBytesMax) {
      this.#sin("I6", `a gateway had ${this.#memory} bytes, over ${memoryBytesMax}`);
    }
    const probeMs = this.#probeMs;
    if (probeMs === undefined || probeMs === null) this.#sin("I8", "no fresh event was stored");
    else if (probeMs > probeMsMax) this.#sin("I8", `a fresh event took ${probeMs} ms`);
  }
}

function place({ topic, partition, offset }: StoredRecord): string {
  return `${topic}/${partition}/${offset}`;
}
