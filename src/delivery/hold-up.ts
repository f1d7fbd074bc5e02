/**
 * Judges which partitions hold up a commit: it is out for longer than usual, others of it are
 * confirmed, and of these Kafka has confirmed nothing from one look at the statistics to the next.
 * So a cluster or a process that is slow as a whole, where every partition moves, is no hold-up. It
 * acts on nothing itself.
 */
import type { RecordQueue } from "./record-queue.ts";
import {
  partitionOfKey,
  standing,
  topicOfKey,
  type HandedOver,
  type ProducerProgress,
  type Standing,
} from "./progress.ts";

/** A commit is looked at when it is out for so long, and so many times as long as usual. */
const LOOK_MS = 60;
const LOOK_TIMES = 2;
/** And is held up when it is out for so long, and so many times as long as usual, … */
const SUSPECT_MS = 120;
const SUSPECT_TIMES = 4;
/** … by partitions that have stood still for so long: nearly the time between two statistics. */
const STILL_MS = 80;
/** If that is every partition in it, it may be Kafka as a whole: then it waits for longer. */
const SUSPECT_ALL_MS = 1_000;
/** And for so long while no other lane stores anything either. */
const SUSPECT_KAFKA_MS = 2_000;
/** Weight of the last commit in what is usual. */
const USUAL_WEIGHT = 1 / 8;

/** The commit that is out. */
export interface CommitOut {
  readonly queue: RecordQueue;
  readonly handedOver: HandedOver;
  readonly topicNames: readonly string[];
  readonly outMs: number;
  /** Other lanes have stored something since it began. */
  readonly isOnlyThisOne: boolean;
}

export class HoldUp {
  #usualMs = 0;
  /** What was confirmed of the open partitions when they were looked at first or last. */
  #before: ReadonlyMap<number, number> | null = null;
  #beforeMs = 0;
  #isFound = false;

  /** A commit begins. */
  begin(): void {
    this.#before = null;
    this.#isFound = false;
  }

  /** It is over. */
  end(durationMs: number): void {
    this.#usualMs += (Math.min(durationMs, SUSPECT_ALL_MS) - this.#usualMs) * USUAL_WEIGHT;
  }

  /** What is open and what is done of a commit that is held up; null: it is not. */
  judge(read: () => ProducerProgress, commit: CommitOut): Standing | null {
    if (commit.outMs < Math.max(LOOK_MS, LOOK_TIMES * this.#usualMs)) return null;
    const progress = read();
    const now = standing(commit.queue, commit.handedOver, {
      progress,
      topicNames: commit.topicNames,
    });
    if (now.open.size === 0) return null;
    if (!this.#isFound) {
      this.#isFound =
        now.done.size === 0 ? isOverdue(commit) : this.#standsStill(now, progress, commit);
    }
    return this.#isFound ? now : null;
  }

  #standsStill({ open }: Standing, progress: ProducerProgress, commit: CommitOut): boolean {
    const { topicNames, outMs } = commit;
    const before = this.#before;
    // Statistics that were late come at once: they say nothing of the time in between.
    if (before !== null && outMs - this.#beforeMs < STILL_MS) return false;
    const confirmed = new Map<number, number>();
    for (const key of open) {
      const topic = topicNames[topicOfKey(key)] ?? "";
      confirmed.set(key, progress.confirmed(topic, partitionOfKey(key)));
    }
    this.#before = confirmed;
    this.#beforeMs = outMs;
    if (before === null || outMs < Math.max(SUSPECT_MS, SUSPECT_TIMES * this.#usualMs))
      return false;
    return [...confirmed].some(([key, number]) => before.get(key) === number);
  }
}

function isOverdue({ outMs, isOnlyThisOne }: CommitOut): boolean {
  return outMs >= (isOnlyThisOne ? SUSPECT_ALL_MS : SUSPECT_KAFKA_MS);
}
