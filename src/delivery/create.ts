/**
 * Puts delivery together: lanes with their producers, destinations, budget, availability, drain.
 */
import assert from "node:assert/strict";

import {
  COMMIT_DEADLINE_MS,
  GATHER_WAIT_MS,
  MESSAGE_TIMEOUT_MS,
  SEGMENT_BYTES,
  STALL_MS,
  UNACKED_BYTES_MAX,
  UNACKED_EVENTS_MAX,
} from "../limits/delivery.ts";
import { KAFKA_MESSAGE_BYTES_MAX } from "../limits/events.ts";
import type { RecordTable } from "../records.ts";
import { Availability } from "./availability.ts";
import { Budget } from "./budget.ts";
import { SYSTEM_CLOCK, type DeliveryClock } from "./clock.ts";
import type {
  Compression,
  DeadLetter,
  Delivery,
  DeliveryEvent,
  DeliverySink,
  DeliveryState,
  KafkaSecurity,
  Pressure,
  Submission,
} from "./delivery.ts";
import { Destinations } from "./destinations.ts";
import { EmbeddedBroker } from "./embedded-broker.ts";
import { Intake } from "./intake.ts";
import { KafkaProducer } from "./kafka-producer.ts";
import { connectionSettings, producerSettings } from "./kafka-settings.ts";
import type { ProducerStatistics } from "./kafka-statistics.ts";
import { Lane } from "./lane.ts";
import { laneCount } from "./lane-count.ts";
import { ProducerKeeper } from "./producer-keeper.ts";
import type { ProducerFactory } from "./producer-port.ts";
import { RecordQueue } from "./record-queue.ts";
import { SegmentPool } from "./record-segment.ts";
import { Refusals } from "./refusals.ts";
import { Sidings } from "./sidings.ts";
import { createTopic } from "./topic-creator.ts";

export interface DeliveryOptions {
  /** host:port each; null: an embedded, volatile broker in this process. */
  readonly brokers: readonly string[] | null;
  readonly onEvent: (event: DeliveryEvent) => void;
  /** null or absent: brokers that ask for nothing. */
  readonly security?: KafkaSecurity | null;
  readonly clientId?: string;
  /** Producers side by side; a hanging partition holds up one of them. */
  readonly lanes?: number;
  /** Threads of libuv's pool (UV_THREADPOOL_SIZE, 4 if unset): each lane may hold one. */
  readonly threadPoolSize?: number;
  readonly lingerMs?: number;
  readonly compression?: Compression;
  readonly messageTimeoutMs?: number;
  /** The smallest max.message.bytes of the topics. */
  readonly messageBytesMax?: number;
  readonly gatherWaitMs?: number;
  readonly stallMs?: number;
  /** How often the partitions of known topics are looked up again. */
  readonly refreshMs?: number;
  readonly unackedEventsMax?: number;
  readonly unackedBytesMax?: number;
  /** Missing topics that may be made, with their partitions. */
  readonly createTopics?: ReadonlyMap<string, number>;
  readonly clock?: DeliveryClock;
  /** Stands in for the native client in tests. */
  readonly producers?: ProducerFactory;
}

const LINGER_MS_DEFAULT = 5;
/** A siding whose commit is out for so long holds its records up; one that is quick does not. */
const HELD_UP_MS = 60;
const TICK_MS = 250;
/** A commit out for so long makes its lane unattractive for keyless records. */
const HANGING_MS = 500;
const PROBE_MS = 1_000;
/** Of the budget, what records for stalled partitions may take: well below the high mark. */
const SIDINGS_SHARE = 0.4;
/** What freeing the producers may take at the end of a drain. */
const DISCONNECT_MS = 3_000;
const DRAIN_LOOK_MS = 10;
/**
 * Partitions may be added at any time; keyed records keep to the old count until this has passed.
 */
const REFRESH_MS_DEFAULT = 30_000;

/** Throws if the options make no sense; the absence of brokers is not such a reason. */
export function createDelivery(options: DeliveryOptions): Delivery {
  return new DeliveryRoom(options);
}

class DeliveryRoom implements Delivery {
  readonly #options: DeliveryOptions;
  readonly #clock: DeliveryClock;
  readonly #onEvent: (event: DeliveryEvent) => void;
  readonly #budget: Budget;
  readonly #pool: SegmentPool;
  readonly #sidings: Sidings;
  readonly #keepers: Map<Lane, ProducerKeeper> = new Map();
  readonly #destinations: Destinations;
  readonly #intake: Intake;
  readonly #availability: Availability;
  readonly #embedded: EmbeddedBroker | null;
  readonly #topicNames: string[] = [];
  #brokers: string;
  #stopTicking: (() => void) | null = null;
  #probedAtMs = Number.NEGATIVE_INFINITY;
  #drained: Promise<void> | null = null;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#onEvent = options.onEvent;
    this.#embedded =
      options.brokers === null && options.producers === undefined ? new EmbeddedBroker() : null;
    this.#brokers = options.brokers?.join(",") ?? "";
    const eventsMax = options.unackedEventsMax ?? UNACKED_EVENTS_MAX;
    const bytesMax = options.unackedBytesMax ?? UNACKED_BYTES_MAX;
    this.#budget = new Budget({
      eventsMax,
      bytesMax,
      onLevel: (level) => this.#onEvent({ kind: "pressure", level }),
    });
    this.#availability = new Availability({
      stallMs: options.stallMs ?? STALL_MS,
      onState: (state, reason) => this.#onEvent({ kind: "state", state, reason }),
    });
    const lanes = laneCount(options);
    const segments = Math.ceil(bytesMax / SEGMENT_BYTES);
    this.#pool = new SegmentPool({ keepMax: 2 * lanes, max: 2 * segments + 4 * lanes });
    this.#sidings = this.#newSidings(lanes);
    this.#destinations = this.#newDestinations();
    const share = Math.min(1, 2 / lanes);
    this.#intake = new Intake({
      budget: this.#budget,
      pool: this.#pool,
      sidings: this.#sidings,
      destinations: this.#destinations,
      refusals: new Refusals(this.#clock, this.#onEvent),
      clock: this.#clock,
      queueEventsMax: eventsMax * share,
      queueBytesMax: bytesMax * share,
      sidingsEventsMax: eventsMax * SIDINGS_SHARE,
      sidingsBytesMax: bytesMax * SIDINGS_SHARE,
      isKafkaThere: () => this.#availability.state === "ready",
    });
    for (const lane of this.#sidings.all) this.#keepers.set(lane, this.#newKeeper(lane));
  }

  async start(): Promise<void> {
    if (this.#embedded !== null) this.#brokers = await this.#embedded.start();
    this.#stopTicking = this.#clock.every(TICK_MS, () => this.#tick());
    for (const keeper of this.#keepers.values()) keeper.open();
  }

  topic(name: string): number {
    return this.#destinations.register(name).number;
  }

  tenant(name: string): number {
    return this.#budget.tenants.numberOf(name);
  }

  submit(table: RecordTable, submission: Submission): void {
    this.#intake.submit(table, submission);
  }

  deadLetter(letter: DeadLetter, sink: DeliverySink): boolean {
    return this.#intake.deadLetter(letter, sink);
  }

  pressure(): Pressure {
    return this.#budget.pressure();
  }

  isHeldBack(tenant: number): boolean {
    return this.#budget.isHeldBack(tenant);
  }

  tenantsHeldBack(): number {
    return this.#budget.heldBack;
  }

  state(): DeliveryState {
    return this.#availability.state;
  }

  isHeldUp(): boolean {
    const nowMs = this.#clock.monotonicMs();
    for (const { outSinceMs } of this.#sidings.sidings) {
      if (outSinceMs !== null && nowMs - outSinceMs >= HELD_UP_MS) return true;
    }
    return false;
  }

  statistics(): ReadonlyMap<number, ProducerStatistics> {
    const said = new Map<number, ProducerStatistics>();
    const { main, sidings } = this.#sidings;
    // A spare is connected to one broker only, and knows none of the topics.
    for (const { number, port } of [...main, ...sidings]) {
      const statistics = port?.statistics() ?? null;
      if (statistics !== null) said.set(number, statistics);
    }
    return said;
  }

  brokers(): string {
    return this.#brokers;
  }

  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#intake.close();
    const endMs = this.#clock.monotonicMs() + deadlineMs;
    while (this.#budget.events > 0 && this.#clock.monotonicMs() < endMs) {
      await this.#sleep(DRAIN_LOOK_MS);
    }
    this.#stopTicking?.();
    this.#destinations.stop();
    this.#failWaiting(Number.POSITIVE_INFINITY);
    await Promise.race([this.#stopKeepers(), this.#sleep(DISCONNECT_MS)]);
    await this.#embedded?.stop();
    assert(this.#budget.events === 0, "after a drain every record has its outcome");
    this.#availability.stopped();
  }

  async #stopKeepers(): Promise<void> {
    await Promise.all(
      [...this.#keepers.values()].map((keeper) => new Promise<void>((done) => keeper.stop(done))),
    );
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((done) => {
      this.#clock.after(delayMs, done);
    });
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const outSinceMs: number[] = [];
    const { all, main, sidings } = this.#sidings;
    for (const lane of all) {
      const since = lane.outSinceMs;
      if (since === null) continue;
      // A partition that stalls by itself says nothing of Kafka.
      if (!sidings.has(lane)) outSinceMs.push(since);
      lane.isHanging = nowMs - since >= HANGING_MS;
    }
    this.#sidings.tick();
    this.#failWaiting(nowMs - (this.#options.gatherWaitMs ?? GATHER_WAIT_MS));
    this.#destinations.look();
    this.#availability.judge({
      nowMs,
      outSinceMs,
      lanes: main.length,
      lanesDown: main.filter((lane) => !lane.isUp).length,
      circuitOpen: main.some((lane) => this.#keepers.get(lane)?.isCircuitOpen === true),
    });
    const isInDoubt = this.#availability.state === "unavailable" || sidings.size > 0;
    if (isInDoubt) this.#probe(nowMs);
  }

  #probe(nowMs: number): void {
    if (nowMs - this.#probedAtMs < PROBE_MS) return;
    this.#probedAtMs = nowMs;
    this.#destinations.probe();
  }

  /** Records that have waited for a commit since before then fail. */
  #failWaiting(beforeMs: number): void {
    const queues = this.#sidings.all.map((lane) => lane.queue);
    for (const { waiting } of this.#destinations.all) {
      if (waiting !== null) queues.push(waiting);
    }
    let count = 0;
    for (const queue of queues) count += queue.failWaiting("kafka_unavailable", beforeMs);
    if (count > 0) this.#onEvent({ kind: "expired", count });
  }

  #newLane(number: number): Lane {
    return new Lane({
      number,
      queue: new RecordQueue(this.#pool, this.#budget),
      topicNames: this.#topicNames,
      clock: this.#clock,
      commitDeadlineMs:
        (this.#options.messageTimeoutMs ?? MESSAGE_TIMEOUT_MS) +
        (COMMIT_DEADLINE_MS - MESSAGE_TIMEOUT_MS),
      onEvent: this.#onEvent,
      onStored: () => this.#availability.stored(this.#clock.monotonicMs()),
      onProducerLost: (lane, reason) => this.#keepers.get(lane)?.lose(reason),
      onDoubt: (lane) => this.#keepers.get(lane)?.renew(),
      onTopicFailure: (topic, kafkaCode) => this.#destinations.failed(topic, kafkaCode),
      onHeldUp: (lane, open) => this.#sidings.heldUp(lane, open),
      onIdle: (lane) => this.#sidings.idle(lane),
      storedAtMs: () => this.#availability.storedAtMs,
    });
  }

  #newSidings(lanes: number): Sidings {
    return new Sidings({
      lanes,
      clock: this.#clock,
      onEvent: this.#onEvent,
      newLane: (number) => this.#newLane(number),
      open: (lane) => {
        const keeper = this.#newKeeper(lane);
        this.#keepers.set(lane, keeper);
        if (this.#drained === null) keeper.open();
      },
      destinations: () => this.#destinations.all,
      sendOn: (lane) => this.#intake.sendOn(lane),
    });
  }

  #newKeeper(lane: Lane): ProducerKeeper {
    return new ProducerKeeper({
      lane,
      factory: this.#options.producers ?? this.#nativeProducers(),
      topicNames: this.#topicNames,
      clock: this.#clock,
      onEvent: this.#onEvent,
      onReady: () => {
        // A spare stores nothing for anybody yet.
        if (this.#sidings.main.includes(lane)) this.#availability.connected();
        this.#destinations.look();
        this.#tick();
      },
      onAllBrokersDown: () => this.#destinations.probe(),
    });
  }

  #nativeProducers(): ProducerFactory {
    const { security, clientId, lingerMs, compression, messageTimeoutMs } = this.#options;
    const { messageBytesMax } = this.#options;
    return ({ handlers, topicNames }) =>
      new KafkaProducer({
        settings: producerSettings({
          brokers: this.#brokers,
          clientId: clientId ?? "sluice",
          security: security ?? null,
          lingerMs: lingerMs ?? LINGER_MS_DEFAULT,
          compression: compression ?? "none",
          messageTimeoutMs: messageTimeoutMs ?? MESSAGE_TIMEOUT_MS,
          messageBytesMax: messageBytesMax ?? KAFKA_MESSAGE_BYTES_MAX,
          topics: topicNames.length,
        }),
        topicNames,
        handlers,
      });
  }

  #newDestinations(): Destinations {
    const { createTopics } = this.#options;
    return new Destinations({
      names: this.#topicNames,
      refreshMs: this.#options.refreshMs ?? REFRESH_MS_DEFAULT,
      sidings: this.#sidings,
      clock: this.#clock,
      onEvent: this.#onEvent,
      onKnown: (destination) => this.#intake.release(destination),
      onMissing: (destination) => {
        destination.waiting?.failWaiting("destination_unavailable", Number.POSITIVE_INFINITY);
      },
      onAnswer: (isReachable) => this.#availability.answered(isReachable),
      partitionsToCreate: (topic) => createTopics?.get(topic) ?? 0,
      create: (topic, partitions, done) => {
        const connection = connectionSettings({
          brokers: this.#brokers,
          clientId: this.#options.clientId ?? "sluice",
          security: this.#options.security ?? null,
        });
        createTopic(connection, { topic, partitions, done });
      },
    });
  }
}
