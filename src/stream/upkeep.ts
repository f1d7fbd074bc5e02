/**
 * What time does to a connection: silence, age, expired credentials, a farewell that takes too
 * long, and too many frames that are not events. Monotonic milliseconds come in, a duty goes out;
 * it acts on nothing itself.
 */
import {
  CONTROL_FRAMES_BURST,
  CONTROL_FRAMES_PER_SECOND,
  GOAWAY_GRACE_MS,
  STREAM_AGE_MAX_MS,
  STREAM_KAFKA_PATIENCE_MS,
} from "../limits.ts";

/** A client that has missed this many pings is dead. */
const PINGS_MISSED_MAX = 2;

/** Lengths of time differ by this share either way, so that not all come back at once. */
const SPREAD = 0.2;

export type Duty =
  | "none"
  /** No hello came in time. */
  | "mute"
  | "ping"
  /** It did not answer the pings. */
  | "silent"
  /** Its credentials are not valid any more. */
  | "expired"
  /** It is old: ask it to come back elsewhere. */
  | "old"
  /** It was asked to leave and has not. */
  | "overdue"
  /** Kafka has been away for too long. */
  | "hopeless";

export interface UpkeepOptions {
  readonly nowMs: number;
  readonly helloTimeoutMs: number;
  readonly pingMs: number;
  /** Between 0 and 1. */
  readonly random: number;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #oldAtMs: number;
  readonly #patienceMs: number;
  #heardAtMs: number;
  #pings = 0;
  #isWelcome = false;
  #expiresAtMs = Infinity;
  #leaveByMs = Infinity;
  #controlFrames = 0;
  #controlSinceMs: number;

  constructor(options: UpkeepOptions) {
    const { nowMs, random } = options;
    const spread = 1 + SPREAD * (2 * random - 1);
    this.#options = options;
    this.#heardAtMs = nowMs;
    this.#controlSinceMs = nowMs;
    this.#oldAtMs = nowMs + STREAM_AGE_MAX_MS * spread;
    this.#patienceMs = STREAM_KAFKA_PATIENCE_MS * spread;
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#pings = 0;
  }

  welcomed(): void {
    this.#isWelcome = true;
  }

  /** `Infinity`: the credentials do not expire. */
  expiresAt(atMs: number): void {
    this.#expiresAtMs = atMs;
  }

  get isLeaving(): boolean {
    return this.#leaveByMs !== Infinity;
  }

  /** It was asked to leave after a while. */
  askedToLeave(nowMs: number, afterMs: number): void {
    this.#leaveByMs = nowMs + afterMs + GOAWAY_GRACE_MS;
  }

  /** Counts a frame that is not an event; false: there are too many. */
  mayControl(nowMs: number): boolean {
    const refill = ((nowMs - this.#controlSinceMs) / 1_000) * CONTROL_FRAMES_PER_SECOND;
    this.#controlFrames = Math.max(0, this.#controlFrames - refill) + 1;
    this.#controlSinceMs = nowMs;
    return this.#controlFrames <= CONTROL_FRAMES_BURST;
  }

  /** What is to be done now; a ping is counted as sent. `kafkaSinceMs`: how long Kafka is away. */
  duty(nowMs: number, kafkaAwayMs: number): Duty {
    const silentMs = nowMs - this.#heardAtMs;
    if (!this.#isWelcome) return silentMs > this.#options.helloTimeoutMs ? "mute" : "none";
    if (nowMs >= this.#expiresAtMs) return "expired";
    if (nowMs > this.#leaveByMs) return "overdue";
    if (kafkaAwayMs > this.#patienceMs) return "hopeless";
    if (silentMs > this.#options.pingMs * (this.#pings + 1)) {
      this.#pings += 1;
      return this.#pings > PINGS_MISSED_MAX ? "silent" : "ping";
    }
    return nowMs > this.#oldAtMs && !this.isLeaving ? "old" : "none";
  }
}
