/**
 * Judges which partitions hold up a commit: it is out for longer than usual, others of it are
 * confirmed, and of these Kafka has confirmed nothing since it began, or from one look at the
 * statistics to the next. So a cluster or a process that is slow as a whole, where all of them
 * move, is no hold-up. It acts on nothing itself.
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
const LOOK_MS = 30;
const LOOK_TIMES = 2;
/** And is held up when it is out for so long, and so many times as long as usual, … */
const SUSPECT_MS = 60;
const SUSPECT_TIMES = 4;
/**
 * … and nothing of its open partitions has moved since it began; or, where something has, nothing
 * for so long, from one look to another.
 */
const STILL_MS = 40;
/**
 * If every partition in it is open, it may be Kafka as a whole: then it waits for so long, and so
 * many times as long as usual, …
 */
const SUSPECT_ALL_MS = 300;
const SUSPECT_ALL_TIMES = 8;
/** … and for so long while no other lane stores anything either. */
const SUSPECT_KAFKA_MS = 2_000;
/** What is usual is not known at first, when connections are made and leaders asked for. */
const USUAL_AT_FIRST_MS = 50;
/** No commit counts for more. */
const USUAL_MAX_MS = 1_000;
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
  #usualMs = USUAL_AT_FIRST_MS;
  /** What was confirmed of the open partitions when they were seen to move last. */
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
    this.#usualMs += (Math.min(durationMs, USUAL_MAX_MS) - this.#usualMs) * USUAL_WEIGHT;
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
        now.done.size === 0 ? this.#isOverdue(commit) : this.#standsStill(now, progress, commit);
    }
    return this.#isFound ? now : null;
  }

  #standsStill(now: Standing, progress: ProducerProgress, commit: CommitOut): boolean {
    const { topicNames, outMs } = commit;
    const isLong = outMs >= Math.max(SUSPECT_MS, SUSPECT_TIMES * this.#usualMs);
    if (isLong && now.isUnmoved) return true;
    const confirmed = new Map<number, number>();
    for (const key of now.open) {
      const topic = topicNames[topicOfKey(key)] ?? "";
      confirmed.set(key, progress.confirmed(topic, partitionOfKey(key)));
    }
    if (this.#before === null || hasMoved(this.#before, confirmed)) {
      this.#before = confirmed;
      this.#beforeMs = outMs;
      return false;
    }
    // Statistics that were late come at once: they say nothing of the time in between.
    if (outMs - this.#beforeMs < STILL_MS) return false;
    return isLong;
  }

  #isOverdue({ outMs, isOnlyThisOne }: CommitOut): boolean {
    const suspectMs = isOnlyThisOne ? SUSPECT_ALL_MS : SUSPECT_KAFKA_MS;
    return outMs >= Math.max(suspectMs, SUSPECT_ALL_TIMES * this.#usualMs);
  }
}

/** Has a partition been done with, or something of one been confirmed? */
function hasMoved(before: ReadonlyMap<number, number>, now: ReadonlyMap<number, number>): boolean {
  if (now.size !== before.size) return true;
  return [...now].some(([key, number]) => before.get(key) !== number);
}
