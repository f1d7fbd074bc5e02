/**
 * A scenario of the catalog in k6's own terms: arrivals that wait for nobody (an open model), as
 * many virtual users as they need and no more, and the objectives.
 */
import type { Options } from "k6/options";

import type { LoadScenario, Stage } from "../catalog.ts";
import { thresholdsOf } from "./meters.ts";

/** Streams of one virtual user: k6 pays for users, not for sockets. */
export const STREAMS_PER_USER = 10;

/** After the last event has its outcome: for goodbyes. */
const GOODBYE_S = 15;

/** Arrivals are whole numbers within this time. */
const RATE_UNIT_S = 10;

type Scenarios = NonNullable<Options["scenarios"]>;
type Scenario = Scenarios[string];

/** Streams of one virtual user, and how many such users arrive within a stream's life. */
export function streamGroups(count: number): { readonly perUser: number; readonly users: number } {
  const perUser = Math.min(STREAMS_PER_USER, Math.max(1, Math.floor(count / 2)));
  return { perUser, users: Math.max(1, Math.round(count / perUser)) };
}

export function k6Options(scenario: LoadScenario): Options {
  const { streams, batches, hostilePerS, durationS, drainS } = scenario;
  const scenarios: Record<string, Scenario> = {};
  if (streams !== null && streams.count > 0) {
    const { users } = streamGroups(streams.count);
    // The last ones live their life within the duration.
    const arrivalS = Math.max(1, durationS - streams.lifeS);
    // A long life and few arrivals: all of them come within the time there is.
    const perUnit = (users * RATE_UNIT_S) / Math.min(streams.lifeS, arrivalS);
    scenarios["streams"] = arrivals({
      exec: "streams",
      perUnit,
      durationS: arrivalS,
      stages: scenario.stages,
      busyS: streams.lifeS + (scenario.fault === null ? 1 : drainS),
      drainS: streams.lifeS + drainS,
    });
  }
  if (batches !== null && batches.perS > 0) {
    scenarios["batches"] = arrivals({
      exec: "batches",
      perUnit: batches.perS * RATE_UNIT_S,
      durationS,
      stages: scenario.stages,
      // With Kafka away a request waits for its deadline, and comes again.
      busyS: scenario.fault === null ? 6 : durationS * scenario.fault.lasts + 10,
      drainS,
    });
  }
  if (hostilePerS > 0) {
    scenarios["hostile"] = arrivals({
      exec: "hostile",
      perUnit: hostilePerS * RATE_UNIT_S,
      durationS,
      stages: null,
      busyS: 2,
      drainS,
    });
  }
  return {
    scenarios,
    thresholds: thresholdsOf(scenario),
    setupTimeout: "30s",
    teardownTimeout: `${drainS + 30}s`,
    summaryTrendStats: ["min", "med", "p(90)", "p(95)", "p(99)", "p(99.9)", "max"],
    // No more tags than are looked at: each one makes more series.
    systemTags: ["scenario", "status", "name", "error_code"],
    discardResponseBodies: false,
    noCookiesReset: true,
    userAgent: "sluice-loadtest",
  };
}

interface Arrivals {
  readonly exec: string;
  /** At the full rate, within RATE_UNIT_S. */
  readonly perUnit: number;
  readonly durationS: number;
  readonly stages: readonly Stage[] | null;
  /** For how long an arrival keeps its virtual user busy. */
  readonly busyS: number;
  readonly drainS: number;
}

function arrivals({ exec, perUnit, durationS, stages, busyS, drainS }: Arrivals): Scenario {
  const rate = Math.max(1, Math.round(perUnit));
  const users = Math.ceil((rate / RATE_UNIT_S) * Math.min(busyS, durationS + drainS) * 1.2) + 5;
  const common = {
    exec,
    timeUnit: `${RATE_UNIT_S}s`,
    preAllocatedVUs: users,
    gracefulStop: `${Math.ceil(drainS + GOODBYE_S)}s`,
  };
  if (stages === null) {
    return { ...common, executor: "constant-arrival-rate", rate, duration: `${durationS}s` };
  }
  const [first] = stages;
  return {
    ...common,
    executor: "ramping-arrival-rate",
    startRate: Math.round(rate * (first?.[1] ?? 1)),
    stages: stages.map(([durationShare, rateShare]) => ({
      duration: `${Math.round(durationShare * durationS * 1_000)}ms`,
      target: Math.round(rate * rateShare),
    })),
  };
}
