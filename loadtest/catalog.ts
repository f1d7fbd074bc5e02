/**
 * The load tests as data: what each asks, its load, its objectives, and the fault that belongs to
 * it. Read by k6 and by `npm run load`; it knows neither. The loads are for k6, Kafka and a gateway
 * that share two cores: at most 2 200 events/s, of which k6 takes the larger part (README.md). What
 * a gateway can take is far above; `--scale` is for machines that have more.
 */

export interface StreamLoad {
  /** Open at once, once the first have lived their life. */
  readonly count: number;
  /** How long a stream publishes; then another one comes in its place. */
  readonly lifeS: number;
  readonly framePeriodMs: number;
  readonly frameEvents: number;
  /** All streams lose their connections together, each time so many seconds have gone. */
  readonly stormEveryS?: number;
}

export interface BatchLoad {
  /** HTTP requests a second. */
  readonly perS: number;
  readonly events: number;
}

export type FaultKind = "kafka-stall" | "redis-loss";

/** How arrivals are spread over the time: shares of the duration, and of the full rate. */
export type Stage = readonly [durationShare: number, rateShare: number];

export interface LoadScenario {
  /** What it answers, as a question. */
  readonly question: string;
  readonly durationS: number;
  readonly streams: StreamLoad | null;
  readonly batches: BatchLoad | null;
  /** Share of events that do not fit their schema. */
  readonly invalidShare: number;
  /** Requests and frames that break the protocol, a second. */
  readonly hostilePerS: number;
  /** Null: the full rate all the time. A stage goes from the rate before it to its own. */
  readonly stages: readonly Stage[] | null;
  /** From the start, as shares of the duration. */
  readonly fault: { readonly kind: FaultKind; readonly at: number; readonly lasts: number } | null;
  /** Objective of acks, outside a fault, from the moment an event was due. */
  readonly ackP99Ms: number;
  /** Whether memory and descriptors that rise until the end fail it. */
  readonly mayNotGrow: boolean;
  /** What has no outcome so long after it was due, or after the fault, has none. */
  readonly drainS: number;
}

const CALM = {
  invalidShare: 0,
  hostilePerS: 0,
  stages: null,
  fault: null,
  mayNotGrow: false,
} as const;

/** A stream of a busy page: ten events a second in one frame. */
const PAGE = { framePeriodMs: 1_000, frameEvents: 10 } as const;

export const SCENARIOS = {
  smoke: {
    ...CALM,
    question: "Does every way in work, and does the ledger agree with its clients?",
    durationS: 6,
    streams: { count: 4, lifeS: 3, framePeriodMs: 200, frameEvents: 5 },
    batches: { perS: 5, events: 10 },
    invalidShare: 0.1,
    ackP99Ms: 2_000,
    drainS: 10,
  },
  steady: {
    ...CALM,
    question: "Is the latency objective held at the usual load, with streams that come and go?",
    durationS: 60,
    streams: { ...PAGE, count: 200, lifeS: 20 },
    batches: { perS: 20, events: 10 },
    ackP99Ms: 500,
    drainS: 15,
  },
  ramp: {
    ...CALM,
    question: "At which load do answers begin to take longer?",
    durationS: 90,
    streams: { ...PAGE, count: 150, lifeS: 10 },
    batches: { perS: 50, events: 10 },
    stages: [
      [0, 0.1],
      [0.8, 1],
      [0.2, 1],
    ],
    ackP99Ms: 500,
    drainS: 15,
  },
  spike: {
    ...CALM,
    question: "What does a sudden tenfold load do, and is everything as before afterwards?",
    durationS: 60,
    streams: { ...PAGE, count: 120, lifeS: 10 },
    batches: { perS: 60, events: 10 },
    stages: [
      [0, 0.1],
      [0.35, 0.1],
      [0, 1],
      [0.25, 1],
      [0, 0.1],
      [0.4, 0.1],
    ],
    ackP99Ms: 1_000,
    drainS: 20,
  },
  soak: {
    ...CALM,
    question: "Does anything grow over a long time: memory, latency, drift of the ledger?",
    durationS: 1_800,
    streams: { ...PAGE, count: 100, lifeS: 60 },
    batches: { perS: 10, events: 10 },
    invalidShare: 0.01,
    mayNotGrow: true,
    ackP99Ms: 500,
    drainS: 15,
  },
  "reconnect-storm": {
    ...CALM,
    question:
      "Do streams that lose their connections all at once come back fast, with every event?",
    durationS: 60,
    streams: { ...PAGE, framePeriodMs: 2_000, count: 300, lifeS: 50, stormEveryS: 15 },
    batches: null,
    ackP99Ms: 2_000,
    drainS: 30,
  },
  "bad-input": {
    ...CALM,
    question: "Do bad events and broken clients touch the good ones beside them?",
    durationS: 40,
    streams: { ...PAGE, count: 60, lifeS: 15 },
    batches: { perS: 20, events: 20 },
    invalidShare: 0.3,
    hostilePerS: 20,
    ackP99Ms: 500,
    drainS: 15,
  },
  "kafka-stall": {
    ...CALM,
    question: "Is every event stored in the end when Kafka stands still for a while?",
    durationS: 60,
    streams: { ...PAGE, count: 60, lifeS: 50 },
    batches: { perS: 5, events: 10 },
    fault: { kind: "kafka-stall", at: 0.3, lasts: 0.25 },
    ackP99Ms: 500,
    drainS: 60,
  },
  "redis-loss": {
    ...CALM,
    question: "Do events flow as if nothing were when Redis is gone?",
    durationS: 60,
    streams: { ...PAGE, count: 60, lifeS: 20 },
    batches: { perS: 10, events: 10 },
    fault: { kind: "redis-loss", at: 0.3, lasts: 0.3 },
    ackP99Ms: 500,
    drainS: 30,
  },
} as const satisfies Readonly<Record<string, LoadScenario>>;

export type ScenarioName = keyof typeof SCENARIOS;

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as readonly ScenarioName[];

/** What a user may change of a scenario; absent: as it is in the table. */
export interface Changes {
  readonly durationS?: number;
  /** Streams open at once. */
  readonly streams?: number;
  /** HTTP requests a second. */
  readonly batchesPerS?: number;
  /** So many times the streams and requests of the table, where they are not named. */
  readonly scale?: number;
  /** 0: no objective of latency. */
  readonly ackP99Ms?: number;
}

/** The scenario as it will run. */
export function scenarioOf(name: ScenarioName, changes: Changes = {}): LoadScenario {
  const scenario: LoadScenario = SCENARIOS[name];
  const durationS = changes.durationS ?? scenario.durationS;
  const { streams, batches } = scenario;
  const scaled = (amount: number): number => Math.max(1, Math.round(amount * (changes.scale ?? 1)));
  const lifeShare = streams === null ? 0 : streams.lifeS / scenario.durationS;
  return {
    ...scenario,
    durationS,
    streams:
      streams === null
        ? null
        : {
            ...streams,
            count: changes.streams ?? scaled(streams.count),
            lifeS: Math.min(streams.lifeS, Math.max(1, lifeShare * durationS)),
            ...(streams.stormEveryS === undefined
              ? {}
              : { stormEveryS: (streams.stormEveryS * durationS) / scenario.durationS }),
          },
    batches:
      batches === null ? null : { ...batches, perS: changes.batchesPerS ?? scaled(batches.perS) },
    ackP99Ms: changes.ackP99Ms ?? scenario.ackP99Ms,
  };
}
