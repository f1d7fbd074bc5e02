/**
 * One lane: a producer of its own, the records that go through it in order, and the commit engine.
 * While a commit is out the next one gathers. A commit is: hand what has gathered to librdkafka,
 * flush, wait until the failure reports have run dry, tell the sinks.
 *
 * The state machine:
 *   idle ─rows─▶ scheduled ─end of turn─▶ flushing ─flushed─▶ quieting ─no report in a turn─▶ idle
 *   flushing ─deadline─▶ stuck (its records are told `kafka_timeout`) ─flushed─▶ idle
 *   scheduled ─librdkafka's queue full, nothing handed over─▶ paused ─delay─▶ scheduled
 *   any ─fatal, or stuck for too long─▶ down (what was out fails) ─new producer─▶ idle
 *   idle ─commits have timed out (doubt.ts)─▶ renewing ─new producer, or none to be had─▶ idle
 *
 * While a commit hangs in `flushing`, the producer's statistics tell which partitions hold it open;
 * the records of the others are settled, and whoever owns the lanes (sidings.ts) may take what
 * waits for those elsewhere.
 *
 * It never hands a record over twice: librdkafka is the only one who retries.
 */
import assert from "node:assert/strict";

import { OUTCOME_NUMBER, type OutcomeCode } from "../errors.ts";
import { Doubt } from "./doubt.ts";
import { FailureTally } from "./failure-tally.ts";
import { flushSlice } from "./flush-slices.ts";
import { handOver, type CommitSize } from "./hand-over.ts";
import { HoldUp } from "./hold-up.ts";
import { KAFKA_CODE, outcomeOf } from "./kafka-codes.ts";
import type { LaneOptions } from "./lane-options.ts";
import type { FailureReport, ProducerPort } from "./producer-port.ts";
import { HandedOver, rowKey, type ProducerProgress } from "./progress.ts";
import type { RecordQueue } from "./record-queue.ts";
import { ReportMatcher } from "./report-matcher.ts";

type Step =
  | "idle"
  | "scheduled"
  | "flushing"
  | "quieting"
  | "stuck"
  | "paused"
  | "renewing"
  | "down";

/**
 * Wait before the next attempt when librdkafka's queue is full although nothing of ours is in it.
 */
const QUEUE_FULL_PAUSE_MS = 50;

export class Lane {
  readonly number: number;
  readonly queue: RecordQueue;
  /** Commits begun: the sign for keyless records to move to the next partition. */
  commits = 0;
  /** Set by the clock's tick: the commit has been out for so long that keyless records avoid it. */
  isHanging = false;
  /** When a commit was last held up, on the delivery clock. */
  heldUpAtMs = Number.NEGATIVE_INFINITY;
  readonly #options: LaneOptions;
  #step: Step = "down";
  #port: ProducerPort | null = null;
  /** Callbacks of an earlier commit or producer carry an older number and are ignored. */
  #generation = 0;
  #startedAtMs = 0;
  /** Of the commit that is out. */
  readonly #size: CommitSize = { records: 0, bytes: 0 };
  #flushes = 0;
  #reports = 0;
  /** Of the commit that is out, records have timed out. */
  #hasTimedOut = false;
  readonly #doubt = new Doubt();
  readonly #holdUp = new HoldUp();
  /** What the producer last said while the commit was out. */
  #lastRead: (() => ProducerProgress) | null = null;
  #matcher: ReportMatcher | null = null;
  readonly #handedOver = new HandedOver();
  readonly #failures = new FailureTally();

  constructor(options: LaneOptions) {
    this.#options = options;
    this.number = options.number;
    this.queue = options.queue;
  }

  get isUp(): boolean {
    return this.#port !== null;
  }

  /** It is up, and to be used: its producer is not about to be replaced. */
  get isReady(): boolean {
    return this.isUp && this.#step !== "renewing";
  }

  /** Commits of its producer have timed out since it last stored one. */
  get isDoubtful(): boolean {
    return this.#doubt.isDoubtful;
  }

  get port(): ProducerPort | null {
    return this.#port;
  }

  /** Since when a commit is out, on the delivery clock; null: none is. */
  get outSinceMs(): number | null {
    const out = this.#step === "flushing" || this.#step === "quieting" || this.#step === "stuck";
    return out ? this.#startedAtMs : null;
  }

  /** Takes a connected producer. */
  attach(port: ProducerPort): void {
    assert(this.#port === null && this.#step === "down", "a lane has one producer at a time");
    this.#port = port;
    this.#handedOver.clear();
    this.#doubt.forget();
    this.#step = "idle";
    this.wake();
  }

  /** Nothing is out: its producer is replaced, and nothing handed over until then. */
  renew(): void {
    if (this.#step === "down" || this.#step === "renewing") return;
    assert(this.outSinceMs === null, "a producer is replaced when nothing of it is out");
    this.#step = "renewing";
    this.#generation += 1;
    this.#options.onDoubt(this);
  }

  /** Ends `renew`. Takes the new producer and answers the old one; null: there is no new one. */
  renewed(port: ProducerPort | null): ProducerPort | null {
    assert(this.#port !== null && this.#step === "renewing", "it has asked for another one");
    const before = this.#port;
    if (port !== null) {
      this.#port = port;
      this.#handedOver.clear();
      this.#doubt.replaced();
    }
    this.#step = "idle";
    this.wake();
    return port === null ? null : before;
  }

  /** Call after appending: the commit begins at the end of the loop turn. */
  wake(): void {
    if (this.#step !== "idle" || !this.queue.isWaiting) return;
    this.#step = "scheduled";
    const generation = this.#generation;
    this.#options.clock.endOfTurn(() => {
      if (generation === this.#generation && this.#step === "scheduled") this.#begin();
    });
  }

  /** Lets go of the producer: what is out fails with `code`, what waits goes on waiting. */
  abandon(code: OutcomeCode): ProducerPort | null {
    const port = this.#port;
    if (port === null) return null;
    this.#port = null;
    this.#generation += 1;
    const wasOut = this.outSinceMs !== null && this.#step !== "stuck";
    this.#step = "down";
    this.queue.markProduced(code);
    if (wasOut) this.#finish();
    return port;
  }

  /** From the producer, for a record of the commit that is out. */
  report(report: FailureReport): void {
    this.#reports += 1;
    this.#failures.count(report.topic, report.kafkaCode);
    const topic = this.#options.topicNames.indexOf(report.topic);
    this.#handedOver.acquaintance.failed(topic, report.partition);
    const outcome = outcomeOf(report.kafkaCode);
    if (outcome === "kafka_timeout") this.#hasTimedOut = true;
    // Behind a stuck commit only its own late reports can come; its sinks have been told.
    if (this.#step === "stuck" || this.#step === "down") return;
    if (this.#step === "idle" || this.#step === "scheduled") {
      this.#tellLate(report.topic, outcome);
      if (report.kafkaCode === KAFKA_CODE.fatal) this.#lose("fatal error reported for a record");
      return;
    }
    this.#matcher ??= new ReportMatcher(this.queue.segments, this.#options.topicNames);
    const matched = this.#matcher.mark(report, OUTCOME_NUMBER[outcome]);
    if (matched === "settled") this.#tellLate(report.topic, outcome);
    // A failure that cannot be placed may be anyone's: then nobody is told `stored`.
    if (matched === "none") this.queue.markProduced("kafka_timeout");
    if (report.kafkaCode === KAFKA_CODE.fatal) this.#lose("fatal error reported for a record");
  }

  /** A record that was told `stored` has failed. It must not happen, nor be silent. */
  #tellLate(topic: string, code: OutcomeCode): void {
    this.#options.onEvent({ kind: "late_failure", lane: this.number, topic, code });
  }

  /**
   * From the producer, now and then. `read` gives what it says of itself; it is costly and called
   * only while a commit hangs.
   */
  progress(read: () => ProducerProgress): void {
    if (this.#step !== "flushing") return;
    this.#lastRead = read;
    const { clock, topicNames, storedAtMs } = this.#options;
    const found = this.#holdUp.judge(read, {
      queue: this.queue,
      handedOver: this.#handedOver,
      topicNames,
      outMs: clock.monotonicMs() - this.#startedAtMs,
      isOnlyThisOne: storedAtMs() > this.#startedAtMs,
    });
    if (found === null) return;
    const { open, done } = found;
    this.#onceQuiet("flushing", () => {
      const settled = this.queue.settleSome((segment, row) => done.has(rowKey(segment, row)));
      if (settled > 0) this.#options.onStored(this.number);
      this.heldUpAtMs = this.#options.clock.monotonicMs();
      this.#options.onHeldUp(this, open);
    });
  }

  /** The producer goes by another number than before. */
  renumbered(): void {
    this.#handedOver.acquaintance.forget();
  }

  /** Looks once more at what the producer last said of the commit that is out. */
  lookAgain(): void {
    if (this.#lastRead !== null) this.progress(this.#lastRead);
  }

  #begin(): void {
    const port = this.#port;
    assert(port !== null, "a lane without producer is down");
    this.#startedAtMs = this.#options.clock.monotonicMs();
    this.#size.records = 0;
    this.#size.bytes = 0;
    this.#flushes = 0;
    this.#reports = 0;
    this.#hasTimedOut = false;
    this.#matcher = null;
    this.#lastRead = null;
    this.#holdUp.begin();
    this.#handedOver.acquaintance.begin(this.#startedAtMs);
    this.commits += 1;
    const stopped = handOver(this.queue, this.#size, {
      port,
      handedOver: this.#handedOver,
      failures: this.#failures,
      topicNames: this.#options.topicNames,
    });
    if (stopped === KAFKA_CODE.fatal || stopped === KAFKA_CODE.state) {
      this.#step = "flushing";
      this.#lose(port.describe(stopped));
      return;
    }
    if (stopped === KAFKA_CODE.queueFull) {
      this.#options.onEvent({ kind: "queue_full", lane: this.number });
      if (this.#size.records === 0) {
        this.#pause();
        return;
      }
    }
    this.#step = "flushing";
    this.#flush(port);
  }

  #pause(): void {
    this.#step = "paused";
    const generation = this.#generation;
    this.#options.clock.after(QUEUE_FULL_PAUSE_MS, () => {
      if (generation !== this.#generation || this.#step !== "paused") return;
      this.#step = "idle";
      this.wake();
    });
  }

  #flush(port: ProducerPort): void {
    const generation = this.#generation;
    const number = this.#flushes;
    this.#flushes += 1;
    flushSlice(port, {
      number,
      clock: this.#options.clock,
      isWanted: () => generation === this.#generation,
      onFlushed: (kafkaCode) => this.#flushed(port, kafkaCode),
    });
  }

  #flushed(port: ProducerPort, kafkaCode: number): void {
    if (kafkaCode === KAFKA_CODE.none) {
      if (this.#step === "stuck") this.#becomeIdle();
      else this.#quieten();
      return;
    }
    if (kafkaCode !== KAFKA_CODE.timedOut) {
      this.#lose(`flush failed: ${port.describe(kafkaCode)}`);
      return;
    }
    const outMs = this.#options.clock.monotonicMs() - this.#startedAtMs;
    if (this.#step === "flushing" && outMs >= this.#options.commitDeadlineMs) {
      this.#options.onEvent({
        kind: "commit_stuck",
        lane: this.number,
        records: this.#size.records,
      });
      this.#step = "stuck";
      this.#hasTimedOut = true;
      this.queue.markProduced("kafka_timeout");
      this.#finish();
    }
    if (this.#step === "stuck" && outMs >= 2 * this.#options.commitDeadlineMs) {
      this.#lose("records stay in the producer beyond every deadline");
      return;
    }
    this.#flush(port);
  }

  #quieten(): void {
    this.#step = "quieting";
    this.#onceQuiet("quieting", () => {
      this.#finish();
      this.#becomeIdle();
    });
  }

  /**
   * Reports are dispatched at most 100 in a loop turn, so some may come after what they belong to.
   * A whole turn without one means that there are no more. Runs nothing if the commit is over or at
   * another step by then.
   */
  #onceQuiet(step: Step, run: () => void): void {
    const generation = this.#generation;
    let seen = -1;
    const look = (): void => {
      if (generation !== this.#generation || this.#step !== step) return;
      if (seen === this.#reports) {
        run();
        return;
      }
      seen = this.#reports;
      this.#options.clock.endOfTurn(look);
    };
    this.#options.clock.endOfTurn(look);
  }

  #becomeIdle(): void {
    if (this.#port === null) return;
    this.#generation += 1;
    this.#step = "idle";
    this.#options.onIdle(this);
    if (this.#step !== "idle") return;
    if (this.#doubt.isDue) this.renew();
    else if (this.queue.isWaiting) {
      this.#step = "scheduled";
      this.#begin();
    }
  }

  /** Settles what is out. */
  #finish(): void {
    this.#matcher = null;
    this.isHanging = false;
    const records = this.#size.records;
    const durationMs = this.#options.clock.monotonicMs() - this.#startedAtMs;
    this.#holdUp.end(durationMs);
    // What was stored just after it began says nothing: all may have stood still since.
    const haveOthersStored = this.#options.storedAtMs() > this.#startedAtMs + durationMs / 2;
    if (this.#hasTimedOut) {
      this.#doubt.timedOut({ haveOthersStored });
      // librdkafka takes another number then.
      this.#handedOver.acquaintance.forget();
    }
    this.#handedOver.acquaintance.end();
    const failed = this.queue.settleProduced();
    if (!this.#hasTimedOut && failed < records) this.#doubt.stored();
    if (failed < records) this.#options.onStored(this.number);
    this.#options.onEvent({
      kind: "commit",
      lane: this.number,
      records,
      failed,
      bytes: this.#size.bytes,
      durationMs,
    });
    this.#tellFailures();
  }

  #lose(reason: string): void {
    this.#options.onProducerLost(this, reason);
  }

  #tellFailures(): void {
    for (const { kafkaCode, count, topics } of this.#failures.take()) {
      this.#options.onEvent({
        kind: "records_failed",
        lane: this.number,
        code: outcomeOf(kafkaCode),
        count,
        reason: this.#port?.describe(kafkaCode) ?? `Kafka error ${kafkaCode}`,
      });
      for (const topic of topics) this.#options.onTopicFailure(topic, kafkaCode);
    }
  }
}
