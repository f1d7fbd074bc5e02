/**
 * The deduplicator against a model that forgets nothing: whatever a stream sends again within what
 * its credit allows is found, nothing that is new is dropped, restarts change nothing.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { STREAM_INFLIGHT_EVENTS_MAX } from "../limits/streams.ts";
import { Deduplicator } from "./deduplicator.ts";
import { makeHeader } from "./testing/make-header.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const WINDOW = 1_024;

interface Step {
  readonly stream: number;
  readonly partition: number;
  /** How far above (positive) or below the stream's highest number. */
  readonly move: number;
  readonly isFlagged: boolean;
  readonly isRestart: boolean;
}

const steps = (below: number, streams: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      stream: fc.integer({ min: 1, max: streams }),
      partition: fc.integer({ min: 0, max: 2 }),
      move: fc.oneof(fc.integer({ min: -below, max: 40 }), fc.integer({ min: -5, max: 5 })),
      isFlagged: fc.boolean(),
      isRestart: fc.nat({ max: 40 }).map((n) => n === 0),
    }),
    { maxLength: 400 },
  );

/** What the model knows of a step's event. */
interface Known {
  readonly wasSeen: boolean;
  /** The stream never sent a number that its credit had left behind. */
  readonly isWithinCredit: boolean;
  readonly step: Step;
}

function uuid(n: number): string {
  return `0196a1c0-1025-7013-8047-${String(n).padStart(12, "0")}`;
}

/** Runs the steps; `check` sees each verdict beside what the model knows. */
function run(
  options: { readonly fromBeginning: boolean; readonly streamsMax: number },
  moves: readonly Step[],
  check: (verdict: string, known: Known) => void,
): void {
  let deduplicator = new Deduplicator({ ...options, windowSeqs: WINDOW });
  const seen = new Set<string>();
  const overdrawn = new Set<number>();
  const highest = new Map<number, number>();
  for (const step of moves) {
    const seq = Math.max(1, (highest.get(step.stream) ?? 2_000) + step.move);
    highest.set(step.stream, Math.max(seq, highest.get(step.stream) ?? 0));
    if (step.move < -STREAM_INFLIGHT_EVENTS_MAX) overdrawn.add(step.stream);
    const { stream, partition, isFlagged } = step;
    const known = `${partition}/${stream}/${seq}`;
    const header = makeHeader({ stream: uuid(stream), epoch: 1, seq, flags: isFlagged ? 1 : 0 });
    const record = { topic: "t", partition, headers: { sluice: header } };
    check(deduplicator.decide(record).verdict, {
      wasSeen: seen.has(known),
      isWithinCredit: !overdrawn.has(step.stream),
      step,
    });
    seen.add(known);
    if (!step.isRestart) continue;
    const next = new Deduplicator({ ...options, windowSeqs: WINDOW });
    for (const each of [0, 1, 2]) {
      next.importPartition(JSON.parse(JSON.stringify(deduplicator.exportPartition("t", each))));
    }
    deduplicator = next;
  }
}

describe(`Deduplicator (seed ${SEED})`, () => {
  it("read from the beginning, within what credit allows: exactly the model's answer", () => {
    // A stream's highest number is that of all partitions: none is further above than this one.
    const within = steps(STREAM_INFLIGHT_EVENTS_MAX, 3);
    fc.assert(
      fc.property(within, (moves) => {
        const options = { fromBeginning: true, streamsMax: 100 };
        run(options, moves, (verdict, { wasSeen }) => {
          assert.equal(verdict, wasSeen ? "duplicate" : "first");
        });
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("from anywhere, with any numbers and few streams: never wrong, at worst unknown", () => {
    const anyNumbers = fc.oneof(steps(STREAM_INFLIGHT_EVENTS_MAX, 6), steps(3_000, 6));
    fc.assert(
      fc.property(anyNumbers, fc.boolean(), (moves, fromBeginning) => {
        const options = { fromBeginning, streamsMax: 4 };
        run(options, moves, (verdict, { wasSeen, isWithinCredit, step }) => {
          if (verdict === "duplicate") assert.ok(wasSeen, "nothing new is dropped");
          // An event's second record is always flagged: only such a one may be taken for the first.
          if (verdict === "first" && wasSeen && isWithinCredit) assert.ok(!step.isFlagged);
          if (!wasSeen && !step.isFlagged) assert.equal(verdict, "first");
        });
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
