/**
 * The topics records go to: how many partitions each has, whether it is there at all, and which
 * partition the keyless records of the moment take. What is not known is asked of Kafka, one
 * question at a time; a missing topic is asked for again with back-off, and created where that was
 * allowed.
 */
import assert from "node:assert/strict";

import { DESTINATIONS_MAX } from "../limits/delivery.ts";
import { backoffMs, type DeliveryClock } from "./clock.ts";
import type { DeliveryEvent } from "./delivery.ts";
import { KAFKA_CODE, topicTroubleOf } from "./kafka-codes.ts";
import type { Lane } from "./lane.ts";
import type { TopicMetadata } from "./producer-port.ts";
import type { RecordQueue } from "./record-queue.ts";
import type { Sidings } from "./sidings.ts";

export interface Destination {
  readonly name: string;
  readonly number: number;
  /** `unknown`: not asked yet or not answered, its records wait; `known`: they go. */
  status: "unknown" | "known" | "missing" | "denied";
  /** 0 unless known; kept while denied. */
  partitions: number;
  /** Partitions that do not take their usual lane (sidings.ts); null: none. */
  detours: Map<number, Lane> | null;
  /** Records that came before the partitions were known. */
  waiting: RecordQueue | null;
  /** The partition of keyless records, and the commits its lane had begun when it was chosen. */
  keylessPartition: number;
  keylessCommits: number;
  /** When to look again, on the delivery clock. */
  lookAtMs: number;
  attempts: number;
  /** Answers in a row that knew no partition of it. */
  absences: number;
  /** Made by this process. */
  isCreated: boolean;
}

export interface DestinationsOptions {
  readonly sidings: Sidings;
  readonly clock: DeliveryClock;
  /** How often the partitions of known topics are looked up again. */
  readonly refreshMs: number;
  readonly onEvent: (event: DeliveryEvent) => void;
  /** Now known: what waits may go. */
  readonly onKnown: (destination: Destination) => void;
  /** Now known to be missing: what waits fails. */
  readonly onMissing: (destination: Destination) => void;
  /** Any broker answered, or none did in time. */
  readonly onAnswer: (isReachable: boolean) => void;
  /** With how many partitions a missing topic may be made; 0: it may not. */
  readonly partitionsToCreate: (topic: string) => number;
  /** Makes a topic; tells what stood in the way, or null. */
  readonly create: (
    topic: string,
    partitions: number,
    done: (problem: string | null) => void,
  ) => void;
  /** By number; filled in here, read by all who need names. */
  readonly names: string[];
}

const QUESTION_TIMEOUT_MS = 2_000;
/** A topic just made, or without leader for a moment, looks absent: it is asked for once more. */
const ABSENCES = 2;
const ABSENT_AGAIN_MS = 200;
const MISSING_BASE_MS = 500;
const MISSING_MAX_MS = 15_000;
const DENIED_BASE_MS = 1_000;
/** Whoever opens a topic looks whether it works now; asking costs the records of one commit. */
const DENIED_MAX_MS = 5_000;

export class Destinations {
  readonly #options: DestinationsOptions;
  readonly #all: Destination[] = [];
  readonly #byName: Map<string, Destination> = new Map();
  #isAsking = false;
  #isStopped = false;

  constructor(options: DestinationsOptions) {
    this.#options = options;
  }

  /** Same name, same number. */
  register(name: string): Destination {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    assert(this.#all.length < DESTINATIONS_MAX, "no more topics than DESTINATIONS_MAX");
    const destination: Destination = {
      name,
      number: this.#all.length,
      status: "unknown",
      partitions: 0,
      detours: null,
      waiting: null,
      keylessPartition: 0,
      keylessCommits: -1,
      lookAtMs: this.#options.clock.monotonicMs(),
      attempts: 0,
      absences: 0,
      isCreated: false,
    };
    this.#all.push(destination);
    this.#byName.set(name, destination);
    this.#options.names.push(name);
    this.look();
    return destination;
  }

  get(number: number): Destination {
    const destination = this.#all[number];
    assert(destination !== undefined, "a destination number comes from topic()");
    return destination;
  }

  get all(): readonly Destination[] {
    return this.#all;
  }

  /**
   * The partition keyless records take now: it changes when its lane has begun a commit, and passes
   * over lanes that hang.
   */
  keylessPartition(destination: Destination): number {
    const { sidings } = this.#options;
    let partition = destination.keylessPartition % destination.partitions;
    let lane = sidings.laneOf(destination, partition);
    if (destination.keylessCommits === lane.commits && !lane.isHanging) return partition;
    for (let tries = 0; tries < destination.partitions; tries += 1) {
      partition = (partition + 1) % destination.partitions;
      lane = sidings.laneOf(destination, partition);
      if (!lane.isHanging) break;
    }
    destination.keylessPartition = partition;
    destination.keylessCommits = lane.commits;
    return partition;
  }

  /** Records of this topic failed: is it still there, still open to us? */
  failed(topic: string, kafkaCode: number): void {
    const destination = this.#byName.get(topic);
    const trouble = topicTroubleOf(kafkaCode);
    if (destination === undefined || destination.status !== "known" || trouble === "none") return;
    const nowMs = this.#options.clock.monotonicMs();
    if (trouble === "suspect") {
      destination.lookAtMs = nowMs;
      this.look();
      return;
    }
    destination.status = "denied";
    destination.lookAtMs = nowMs + this.#backoff(destination, DENIED_BASE_MS, DENIED_MAX_MS);
    this.#tell(destination, "denied", "sluice may not write to this topic");
  }

  /** Records of some topic were stored. */
  worked(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const destination of this.#all) {
      const calm = nowMs - destination.lookAtMs > DENIED_MAX_MS;
      if (destination.status === "known" && calm) destination.attempts = 0;
    }
  }

  /** Asks what is due, one after the other; called at every tick and change. */
  look(): void {
    if (this.#isAsking || this.#isStopped) return;
    const nowMs = this.#options.clock.monotonicMs();
    const due = this.#all.find((destination) => destination.lookAtMs <= nowMs);
    if (due === undefined) return;
    // Of a denied one too: only trying again tells whether it is open now, but librdkafka goes on
    // to refuse by itself what it was told of a topic until it has asked anew.
    const lanes = this.#options.sidings.all.filter((lane) => lane.isUp);
    const first = lanes[0];
    if (first === undefined) return;
    this.#isAsking = true;
    this.#ask(first, due, (answer) => this.#answered(due, answer, lanes.slice(1)));
  }

  /** Does any broker answer? */
  probe(): void {
    if (this.#isAsking || this.#isStopped) return;
    const port = this.#options.sidings.all.find((lane) => lane.isUp)?.port;
    if (port === null || port === undefined) return;
    this.#isAsking = true;
    port.metadata(null, QUESTION_TIMEOUT_MS, (answer) => {
      this.#isAsking = false;
      if (this.#isStopped) return;
      this.#options.onAnswer(answer.kafkaCode === KAFKA_CODE.none);
      this.look();
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  #ask(lane: Lane, destination: Destination, done: (answer: TopicMetadata) => void): void {
    assert(lane.port !== null, "questions go through lanes that are up");
    lane.port.metadata(destination.name, QUESTION_TIMEOUT_MS, (answer) => {
      if (!this.#isStopped) done(answer);
    });
  }

  #answered(destination: Destination, answer: TopicMetadata, others: readonly Lane[]): void {
    const isReachable = answer.kafkaCode === KAFKA_CODE.none;
    this.#options.onAnswer(isReachable);
    const nowMs = this.#options.clock.monotonicMs();
    if (!isReachable) {
      // A known topic stays known: Kafka's absence says nothing of it.
      destination.lookAtMs = nowMs + this.#backoff(destination, MISSING_BASE_MS, MISSING_MAX_MS);
      this.#next();
      return;
    }
    if (answer.partitions === 0) {
      this.#isAbsent(destination);
      return;
    }
    destination.absences = 0;
    const grew = destination.partitions > 0 && answer.partitions > destination.partitions;
    if (!grew) {
      this.#isKnown(destination, answer.partitions);
      return;
    }
    // Every producer has its own picture of a topic: a partition is used when all have seen it.
    this.#confirm(destination, answer.partitions, others);
  }

  #confirm(destination: Destination, partitions: number, lanes: readonly Lane[]): void {
    const lane = lanes.find((candidate) => candidate.isUp);
    if (lane === undefined) {
      this.#isKnown(destination, partitions);
      return;
    }
    this.#ask(lane, destination, (answer) => {
      const seen = answer.kafkaCode === KAFKA_CODE.none ? answer.partitions : 0;
      const rest = lanes.slice(lanes.indexOf(lane) + 1);
      const agreed = Math.max(destination.partitions, Math.min(partitions, seen));
      this.#confirm(destination, agreed, rest);
    });
  }

  #isKnown(destination: Destination, partitions: number): void {
    const changed = destination.status !== "known" || destination.partitions !== partitions;
    const isOpen = destination.status !== "known" && destination.status !== "denied";
    if (isOpen) destination.attempts = 0;
    destination.status = "known";
    destination.partitions = partitions;
    destination.lookAtMs = this.#options.clock.monotonicMs() + this.#options.refreshMs;
    if (changed) {
      this.#tell(destination, "known", `${partitions} partitions`);
      this.#options.onKnown(destination);
    }
    this.#next();
  }

  #isAbsent(destination: Destination): void {
    destination.absences += 1;
    if (destination.absences >= ABSENCES) {
      this.#isMissing(destination);
      return;
    }
    const { clock } = this.#options;
    destination.lookAtMs = clock.monotonicMs() + ABSENT_AGAIN_MS;
    clock.after(ABSENT_AGAIN_MS, () => this.look());
    this.#next();
  }

  #isMissing(destination: Destination): void {
    const { clock, create, onMissing, partitionsToCreate } = this.#options;
    const partitions = partitionsToCreate(destination.name);
    const changed = destination.status !== "missing";
    destination.status = "missing";
    destination.partitions = 0;
    destination.lookAtMs =
      clock.monotonicMs() + this.#backoff(destination, MISSING_BASE_MS, MISSING_MAX_MS);
    if (partitions === 0) {
      if (changed)
        this.#tell(destination, "missing", "the topic does not exist, or not for sluice");
      onMissing(destination);
      this.#next();
      return;
    }
    create(destination.name, partitions, (problem) => {
      if (this.#isStopped) return;
      if (problem === null) {
        // Brokers may go on for a moment to say that it is missing: then it is made once more.
        if (!destination.isCreated) this.#tell({ ...destination, partitions }, "created", "");
        destination.isCreated = true;
        destination.status = "unknown";
        destination.lookAtMs = clock.monotonicMs();
      } else {
        if (changed) this.#tell(destination, "missing", problem);
        onMissing(destination);
      }
      this.#next();
    });
  }

  #next(): void {
    this.#isAsking = false;
    this.look();
  }

  #backoff(destination: Destination, baseMs: number, maxMs: number): number {
    const { random } = this.#options.clock;
    const delayMs = backoffMs(destination.attempts, { baseMs, maxMs, random });
    destination.attempts += 1;
    return delayMs;
  }

  #tell(
    destination: Destination,
    status: "known" | "missing" | "denied" | "created",
    reason: string,
  ): void {
    const { name: topic, partitions } = destination;
    this.#options.onEvent({ kind: "topic", topic, status, partitions, reason });
  }
}
