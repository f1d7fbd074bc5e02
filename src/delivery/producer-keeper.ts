/**
 * Keeps one lane supplied with a producer: connects with back-off, replaces one that was lost or is
 * in doubt, and opens a circuit when producers are lost again and again, so that a broken cluster
 * is not hammered.
 */
import type { DeliveryClock } from "./clock.ts";
import { backoffMs } from "./clock.ts";
import type { DeliveryEvent } from "./delivery.ts";
import { KAFKA_CODE } from "./kafka-codes.ts";
import type { Lane } from "./lane.ts";
import type { ProducerFactory, ProducerHandlers, ProducerPort } from "./producer-port.ts";

/** Long enough for a slow handshake, short enough that a broker coming up is noticed soon. */
const CONNECT_TIMEOUT_MS = 3_000;
const RECONNECT_BASE_MS = 250;
const RECONNECT_MAX_MS = 4_000;

/** So many producers lost within the window open the circuit. */
const CIRCUIT_LOSSES = 3;
const CIRCUIT_WINDOW_MS = 60_000;
const CIRCUIT_BASE_MS = 15_000;
const CIRCUIT_MAX_MS = 120_000;
/** What was so long ago makes no circuit longer. */
const CIRCUIT_FORGET_MS = 600_000;

export interface ProducerKeeperOptions {
  readonly lane: Lane;
  readonly factory: ProducerFactory;
  readonly topicNames: readonly string[];
  readonly clock: DeliveryClock;
  readonly onEvent: (event: DeliveryEvent) => void;
  readonly onReady: () => void;
  readonly onAllBrokersDown: () => void;
}

export class ProducerKeeper {
  readonly #options: ProducerKeeperOptions;
  readonly #lostAtMs: number[] = [];
  #attempts = 0;
  #trips = 0;
  #trippedAtMs = Number.NEGATIVE_INFINITY;
  #everReady = false;
  #isStopping = false;
  #isCircuitOpen = false;
  #cancelWait: (() => void) | null = null;
  #connecting: ProducerPort | null = null;
  /** Producers being freed; `stop` waits for them. */
  #leaving = 0;
  #onStopped: (() => void) | null = null;

  constructor(options: ProducerKeeperOptions) {
    this.#options = options;
  }

  get everReady(): boolean {
    return this.#everReady;
  }

  get isCircuitOpen(): boolean {
    return this.#isCircuitOpen;
  }

  /** Throws if librdkafka does not take the settings; later attempts cannot fail that way. */
  open(): void {
    const { lane, factory, topicNames, onEvent, onAllBrokersDown } = this.#options;
    const handlers: ProducerHandlers = {
      onReport: (report) => {
        if (lane.port === port) lane.report(report);
      },
      onProgress: (read) => {
        if (lane.port === port) lane.progress(read);
      },
      onNumber: () => {
        if (lane.port === port) lane.renumbered();
      },
      onFatal: (reason) => {
        if (lane.port === port) this.lose(reason);
      },
      onForlorn: () => {
        if (lane.port === port) this.#leave();
      },
      onBrokerError: (error) => {
        onEvent({ kind: "broker_error", lane: lane.number, reason: error.reason });
        if (error.kafkaCode === KAFKA_CODE.allBrokersDown) onAllBrokersDown();
      },
    };
    const port = factory({ lane: lane.number, handlers, topicNames });
    this.#connecting = port;
    port.connect(CONNECT_TIMEOUT_MS, (problem) => this.#connected(port, problem));
  }

  /**
   * The lane's producer may be sick, and nothing of it is out: another one takes its place if it
   * can be connected, else the lane goes on with the one it has.
   */
  renew(): void {
    const { lane, onEvent } = this.#options;
    onEvent({ kind: "producer_doubted", lane: lane.number });
    this.open();
  }

  /** The lane's producer is of no use: what it holds fails, another one is made. */
  lose(reason: string): void {
    const { lane, onEvent, clock } = this.#options;
    const port = lane.abandon("kafka_unavailable");
    if (port === null) return;
    onEvent({ kind: "producer_fatal", lane: lane.number, reason });
    this.#free(port);
    if (this.#isStopping) return;
    const nowMs = clock.monotonicMs();
    this.#lostAtMs.push(nowMs);
    while (nowMs - (this.#lostAtMs[0] ?? nowMs) > CIRCUIT_WINDOW_MS) this.#lostAtMs.shift();
    // One that was to replace it is on its way.
    if (this.#connecting !== null) return;
    if (this.#lostAtMs.length < CIRCUIT_LOSSES) {
      this.#reopenLater();
      return;
    }
    this.#openCircuit();
  }

  /** Its producer has forgotten Kafka. That says nothing against Kafka: no circuit is opened. */
  #leave(): void {
    const { lane, onEvent } = this.#options;
    const port = lane.abandon("kafka_unavailable");
    if (port === null) return;
    onEvent({ kind: "producer_fatal", lane: lane.number, reason: "it knows no broker any more" });
    this.#free(port);
    if (!this.#isStopping && this.#connecting === null) this.#reopenLater();
  }

  /** Frees the producer; calls back when all are freed. No producer is made afterwards. */
  stop(done: () => void): void {
    this.#isStopping = true;
    this.#cancelWait?.();
    this.#onStopped = done;
    const port = this.#options.lane.abandon("kafka_timeout");
    if (port !== null) this.#free(port);
    this.#maybeStopped();
  }

  #connected(port: ProducerPort, problem: string | null): void {
    const { lane, onEvent, onReady } = this.#options;
    this.#connecting = null;
    if (this.#isStopping) {
      if (problem === null) this.#free(port);
      else this.#maybeStopped();
      return;
    }
    if (problem !== null) {
      onEvent({ kind: "producer_failed", lane: lane.number, reason: problem });
      if (lane.isUp) lane.renewed(null);
      else this.#reopenLater();
      return;
    }
    const rebuilt = this.#everReady;
    this.#everReady = true;
    this.#attempts = 0;
    onEvent({ kind: "producer_ready", lane: lane.number, rebuilt });
    if (lane.isUp) {
      const before = lane.renewed(port);
      if (before !== null) this.#free(before);
    } else lane.attach(port);
    onReady();
  }

  #reopenLater(): void {
    const { clock } = this.#options;
    const delayMs = backoffMs(this.#attempts, {
      baseMs: RECONNECT_BASE_MS,
      maxMs: RECONNECT_MAX_MS,
      random: clock.random,
    });
    this.#attempts += 1;
    this.#wait(delayMs, () => this.open());
  }

  #openCircuit(): void {
    const { clock, lane, onEvent } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#trippedAtMs > CIRCUIT_FORGET_MS) this.#trips = 0;
    this.#trippedAtMs = nowMs;
    const forMs = backoffMs(this.#trips, {
      baseMs: CIRCUIT_BASE_MS,
      maxMs: CIRCUIT_MAX_MS,
      random: clock.random,
    });
    this.#trips += 1;
    this.#isCircuitOpen = true;
    onEvent({ kind: "circuit_open", lane: lane.number, forMs });
    this.#wait(forMs, () => {
      this.#isCircuitOpen = false;
      this.open();
    });
  }

  #wait(delayMs: number, run: () => void): void {
    this.#cancelWait?.();
    this.#cancelWait = this.#options.clock.after(delayMs, () => {
      this.#cancelWait = null;
      if (!this.#isStopping) run();
    });
  }

  #free(port: ProducerPort): void {
    this.#leaving += 1;
    port.disconnect(() => {
      this.#leaving -= 1;
      this.#maybeStopped();
    });
  }

  #maybeStopped(): void {
    if (this.#onStopped === null || this.#leaving > 0 || this.#connecting !== null) return;
    const done = this.#onStopped;
    this.#onStopped = null;
    done();
  }
}
