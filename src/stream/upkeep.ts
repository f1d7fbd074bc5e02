/**
 * What time does to a connection: silence, age, expired credentials, a farewell that takes too
 * long, and too many frames that are not events. Monotonic milliseconds come in, a duty goes out;
 * it acts on nothing itself.
 */
import type { CloseName } from "../errors.ts";
import {
  CONTROL_FRAMES_BURST,
  CONTROL_FRAMES_PER_SECOND,
  GOAWAY_GRACE_MS,
  STREAM_AGE_MAX_MS,
  STREAM_KAFKA_PATIENCE_MS,
} from "../limits/streams.ts";

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

/** How a connection ends to which time has done that. */
export const ENDINGS = {
  mute: { name: "hello_timeout", detail: "no hello came in time" },
  silent: { name: "going_away", detail: "no answer to pings" },
  expired: { name: "unauthenticated", detail: "the credentials have expired" },
  overdue: { name: "restart", detail: "it is time to reconnect" },
  hopeless: { name: "kafka_unavailable", detail: "Kafka cannot be reached" },
} as const satisfies Partial<Record<Duty, { readonly name: CloseName; readonly detail: string }>>;

/** What holds for all connections. */
export interface UpkeepRules {
  readonly helloTimeoutMs: number;
  readonly pingMs: number;
}

/** Of a connection's control frames, at the rate at which they may come. */
const CONTROL_FRAME_MS = 1_000 / CONTROL_FRAMES_PER_SECOND;

/** Times are kept as whole milliseconds: V8 gives each fraction a place of its own on the heap. */
export class Upkeep {
  readonly #rules: UpkeepRules;
  readonly #oldAtMs: number;
  readonly #patienceMs: number;
  #heardAtMs: number;
  #pings = 0;
  #isWelcome = false;
  /** null: never. */
  #expiresAtMs: number | null = null;
  /** null: nobody has asked it to. */
  #leaveByMs: number | null = null;
  /** When the control frames so far would all have come, had they kept to their rate. */
  #controlUntilMs = 0;

  /** `random`: between 0 and 1. */
  constructor(
    rules: UpkeepRules,
    { nowMs, random }: { readonly nowMs: number; readonly random: number },
  ) {
    const spread = 1 + SPREAD * (2 * random - 1);
    this.#rules = rules;
    this.#heardAtMs = Math.floor(nowMs);
    this.#oldAtMs = Math.round(nowMs + STREAM_AGE_MAX_MS * spread);
    this.#patienceMs = Math.round(STREAM_KAFKA_PATIENCE_MS * spread);
  }

  heard(nowMs: number): void {
    this.#heardAtMs = Math.floor(nowMs);
    this.#pings = 0;
  }

  welcomed(): void {
    this.#isWelcome = true;
  }

  /** `Infinity`: the credentials do not expire. */
  expiresAt(atMs: number): void {
    this.#expiresAtMs = Number.isFinite(atMs) ? Math.ceil(atMs) : null;
  }

  get isLeaving(): boolean {
    return this.#leaveByMs !== null;
  }

  /** It was asked to leave after a while. */
  askedToLeave(nowMs: number, afterMs: number): void {
    this.#leaveByMs = Math.ceil(nowMs + afterMs + GOAWAY_GRACE_MS);
  }

  /** Counts a frame that is not an event; false: there are too many. */
  mayControl(nowMs: number): boolean {
    const fromMs = Math.max(this.#controlUntilMs, Math.floor(nowMs));
    this.#controlUntilMs = fromMs + CONTROL_FRAME_MS;
    return this.#controlUntilMs - nowMs <= CONTROL_FRAMES_BURST * CONTROL_FRAME_MS;
  }

  /** What is to be done now; a ping is counted as sent. `kafkaSinceMs`: how long Kafka is away. */
  duty(nowMs: number, kafkaAwayMs: number): Duty {
    const silentMs = nowMs - this.#heardAtMs;
    if (!this.#isWelcome) return silentMs > this.#rules.helloTimeoutMs ? "mute" : "none";
    if (nowMs >= (this.#expiresAtMs ?? Infinity)) return "expired";
    if (nowMs > (this.#leaveByMs ?? Infinity)) return "overdue";
    if (kafkaAwayMs > this.#patienceMs) return "hopeless";
    if (silentMs > this.#rules.pingMs * (this.#pings + 1)) {
      this.#pings += 1;
      return this.#pings > PINGS_MISSED_MAX ? "silent" : "ping";
    }
    return nowMs > this.#oldAtMs && !this.isLeaving ? "old" : "none";
  }
}
