/**
 * Reads frames with JSON.parse and keeps their batches until a test settles them: the verbs of the
 * pipeline that streams use.
 */
import { HEADER_FLAG } from "../../records.ts";
import type { RecordTable } from "../../records.ts";
import type { FrameContext } from "../../codec/codec.ts";
import type { Batch, BatchListener } from "../../pipeline/batch.ts";
import type { Refusals } from "../../pipeline/faults.ts";
import { OpenFrame } from "../../pipeline/open-frame.ts";
import type { OpenResult } from "../../pipeline/open-frame.ts";
import type { OpenOptions, Pipeline } from "../../pipeline/pipeline.ts";

interface PubFrame {
  readonly t: string;
  readonly seq: number;
  readonly events: readonly unknown[];
}

/** Length of a header as far as streams touch it. */
const HEADER_BYTES = 2;

/** The events of frames, as they were sent. */
const EVENTS = new WeakMap<OpenFrame, readonly unknown[]>();

const WATCH = { rowStored: () => {}, progressed: () => {}, retryDetail: () => "again" };

export class FakePipeline {
  readonly batches: Batch[] = [];
  /** Frames wait for this before they are opened. */
  waitFor: Promise<Refusals> | null = null;
  /** Hears of every frame that is handed over. */
  onRun: (frame: OpenFrame) => void = () => {};
  /** May this frame join the batch of another? */
  joins: (frame: OpenFrame) => boolean = () => false;
  /** Hears of every frame that does, and of the batch's row that is its first. */
  onJoin: (frame: OpenFrame, joined: { batch: Batch; firstRow: number }) => void = () => {};

  /** Where a real pipeline is asked for. */
  get asPipeline(): Pipeline {
    // A fake with the verbs that streams use.
    return this as unknown as Pipeline;
  }

  open(bytes: Uint8Array, context: FrameContext, options: OpenOptions = {}): OpenResult {
    if (this.waitFor !== null && (options.refusals ?? null) === null) {
      const ready = this.waitFor;
      this.waitFor = null;
      return { kind: "waiting", ready };
    }
    let frame: PubFrame;
    try {
      frame = JSON.parse(Buffer.from(bytes).toString("utf8")) as PubFrame;
    } catch {
      return { kind: "fault", problem: "bad_json", offset: 0, detail: "no JSON" };
    }
    if (frame.t !== "pub") return { kind: "control", t: frame.t };
    const { seq, events } = frame;
    const starts = events.map((_, row) => row * HEADER_BYTES);
    // Streams look at no columns but the header's.
    const table = {
      count: events.length,
      memory: new Uint8Array(events.length * HEADER_BYTES),
      headerStart: starts,
      headerEnd: starts.map((start) => start + HEADER_BYTES),
    } as unknown as RecordTable;
    const rest = { startedMs: 0, encodedMs: 0, refusals: new Map(), watch: WATCH };
    const open = new OpenFrame({ seq, bytes: bytes.length, table, context, ...rest });
    EVENTS.set(open, events);
    return open;
  }

  join(frame: OpenFrame, batch: Batch): boolean {
    if (batch.openCount < batch.count || !this.joins(frame)) return false;
    const firstRow = batch.count;
    batch.grow(Array.from({ length: frame.count }, () => 0));
    this.onJoin(frame, { batch, firstRow });
    return true;
  }

  run(frame: OpenFrame, listener: BatchListener): void {
    frame.batch.listen(listener);
    frame.batch.topics = Array.from({ length: frame.count }, () => 0);
    this.batches.push(frame.batch);
    this.onRun(frame);
    const { batch } = frame;
    if (batch.openCount < batch.count || batch.count === 0) batch.progress();
  }
}

export function eventsOf(frame: OpenFrame): readonly unknown[] {
  return EVENTS.get(frame) ?? [];
}

/** Is the record of this row flagged as one that may be stored already? */
export function isFlagged({ table }: OpenFrame, row: number): boolean {
  const flags = table.memory[(table.headerStart[row] ?? 0) + 1] ?? 0;
  return (flags & HEADER_FLAG.redelivery) !== 0;
}
