/**
 * Rules: which requests a fault befalls, how often, and what it does. A rule is data; ActiveRule
 * counts what it did. Nothing here touches a socket.
 */
import { API, KAFKA_ERROR } from "./protocol.ts";
import type { ApiName, KafkaErrorName } from "./protocol.ts";

/** Absent members match everything. */
export interface Match {
  readonly api?: ApiName;
  /** Node id. */
  readonly broker?: number;
  /** Of Produce requests: one of their partitions is of this topic. */
  readonly topic?: string;
  /** Of Produce requests, with `topic`: this partition is among them. */
  readonly partition?: number;
  /** What the client calls itself. */
  readonly clientId?: string;
}

export type Fault =
  /** Comes so much later; what follows on the connection waits too, as behind a slow link. */
  | { readonly kind: "delay"; readonly ms: number; readonly what?: "request" | "answer" }
  /**
   * Is gone; the connection lives on. No network does that: a broker that does not know a producer
   * yet takes its next batch for the first, and stores it before the one that was dropped.
   */
  | { readonly kind: "drop"; readonly what: "request" | "answer" }
  /** The connection is reset: before the broker hears of it, or after it has answered. */
  | { readonly kind: "reset"; readonly when: "before" | "after" }
  /** From here on nothing passes the connection, and nobody closes it. */
  | { readonly kind: "blackHole" }
  /**
   * It is lost, and so is all that comes behind it on the connection, which is reset after `ms`:
   * what a link that loses packets looks like. `answer`: from the broker's answer on.
   */
  | { readonly kind: "stall"; readonly what: "request" | "answer"; readonly ms: number }
  /** Every partition of a Produce request gets this error; `appended`: the broker has it, too. */
  | { readonly kind: "stamp"; readonly error: KafkaErrorName; readonly appended?: boolean }
  /** A Metadata answer names no broker: what a cluster says while all of its own are fenced. */
  | { readonly kind: "noBrokers" }
  /** Flips so many bits: in a Produce request where the records' checksum sees it. */
  | { readonly kind: "flipBits"; readonly what: "request" | "answer"; readonly bits?: number };

export interface Rule {
  readonly match?: Match;
  /** So many matching requests pass first. Default 0. */
  readonly after?: number;
  /** It befalls so many. Default: all. */
  readonly times?: number;
  /** Of those matching and counted, this share, by the proxy's seeded random. Default 1. */
  readonly probability?: number;
  readonly fault: Fault;
}

/** What rules look at. */
export interface Facts {
  readonly apiKey: number;
  readonly broker: number;
  readonly clientId: string;
  /** Of Produce requests; else empty. */
  readonly parts: ReadonlyArray<{ readonly topic: string; readonly partition: number }>;
}

export class ActiveRule {
  readonly #rule: Rule;
  #matched = 0;
  #applied = 0;
  #isRemoved = false;
  #waiting: Array<() => void> = [];

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  get fault(): Fault {
    return this.#rule.fault;
  }

  /** Requests that matched, whether or not anything befell them. */
  get matched(): number {
    return this.#matched;
  }

  /** Requests it befell. */
  get applied(): number {
    return this.#applied;
  }

  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Nothing befalls requests from now on. */
  remove(): void {
    this.#isRemoved = true;
  }

  /** Resolves when it has befallen so many. */
  async until(applied: number): Promise<void> {
    while (this.#applied < applied) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Counts a request and says whether the rule applies to it. */
  take(facts: Facts, random: () => number): boolean {
    const { match = {}, after = 0, times = Infinity, probability = 1 } = this.#rule;
    if (this.#isRemoved || !matches(match, facts)) return false;
    this.#matched += 1;
    if (this.#matched <= after || this.#applied >= times) return false;
    if (probability < 1 && random() >= probability) return false;
    this.#applied += 1;
    for (const wake of this.#waiting.splice(0)) wake();
    return true;
  }
}

/**
 * What befalls a request: the first rule that applies decides, but delays add up and let the others
 * be asked.
 */
export function judge(
  rules: readonly ActiveRule[],
  facts: Facts,
  random: () => number,
): {
  readonly fault: Fault | null;
  readonly requestDelayMs: number;
  readonly answerDelayMs: number;
} {
  let requestDelayMs = 0;
  let answerDelayMs = 0;
  for (const rule of rules) {
    if (!rule.take(facts, random)) continue;
    const { fault } = rule;
    if (fault.kind !== "delay") return { fault, requestDelayMs, answerDelayMs };
    if (fault.what === "answer") answerDelayMs += fault.ms;
    else requestDelayMs += fault.ms;
  }
  return { fault: null, requestDelayMs, answerDelayMs };
}

export function errorCode(name: KafkaErrorName): number {
  return KAFKA_ERROR[name];
}

function matches(match: Match, facts: Facts): boolean {
  if (match.api !== undefined && API[match.api] !== facts.apiKey) return false;
  if (match.broker !== undefined && match.broker !== facts.broker) return false;
  if (match.clientId !== undefined && match.clientId !== facts.clientId) return false;
  if (match.topic === undefined) return true;
  return facts.parts.some(
    ({ topic, partition }) =>
      topic === match.topic && (match.partition === undefined || match.partition === partition),
  );
}
