/** The rows of the option table about who gets how much of a process, and who waits first. */
import {
  ADDRESS_AUTH_FAILURES_PER_MINUTE,
  ADDRESS_CONNECTIONS_MAX,
  ADDRESS_HANDSHAKES_PER_SECOND,
  SHED_UTILIZATION_PERCENT,
} from "../limits/admission.ts";
import { LIVE_CPU_PERCENT, LIVE_LATEST_SECONDS, LIVE_SUBSCRIBERS_MAX } from "../limits/live.ts";
import { STREAMS_MAX } from "../limits/streams.ts";
import type { OptionTable } from "./rule.ts";

export const FAIRNESS_OPTIONS = {
  connectionsMax: {
    group: "limits",
    type: "integer",
    default: STREAMS_MAX,
    min: 1,
    max: 1_000_000,
    text: "WebSockets of one process. One more is closed with 1013.",
  },
  addressConnectionsMax: {
    group: "limits",
    type: "integer",
    default: ADDRESS_CONNECTIONS_MAX,
    min: 1,
    max: 1_000_000,
    text:
      "WebSockets of one address (IPv6: one /64) in one process; one more gets 429. Loopback is " +
      "not counted, here and below.",
  },
  addressHandshakesPerSecond: {
    group: "limits",
    type: "integer",
    default: ADDRESS_HANDSHAKES_PER_SECOND,
    min: 1,
    max: 100_000,
    text: "WebSockets that one address may open a second, four times as many at once; else 429.",
  },
  addressAuthFailuresPerMinute: {
    group: "limits",
    type: "integer",
    default: ADDRESS_AUTH_FAILURES_PER_MINUTE,
    min: 1,
    max: 100_000,
    text:
      "Credentials that are not good, of one address; beyond it all of its requests get 429 for " +
      "a while.",
  },
  liveSubscribersMax: {
    group: "limits",
    type: "integer",
    default: LIVE_SUBSCRIBERS_MAX,
    min: 0,
    max: 1_000_000,
    text: "Subscribers of the live feed in one process; one more gets 1013 or 503. 0: no feed.",
  },
  liveCpuPercent: {
    group: "limits",
    type: "integer",
    default: LIVE_CPU_PERCENT,
    min: 1,
    max: 100,
    text:
      "Share of a process's time that the live feed may take. Beyond it subscribers hear later, " +
      "and those who send do not wait.",
  },
  liveLatestSeconds: {
    group: "limits",
    type: "integer",
    default: LIVE_LATEST_SECONDS,
    min: 1,
    max: 86_400,
    text:
      "Subscribers of the live feed have heard what was stored so long ago, or are told of a " +
      "gap: a feed that is later goes on with the present.",
  },
  shedUtilizationPercent: {
    group: "limits",
    type: "integer",
    default: SHED_UTILIZATION_PERCENT,
    min: 1,
    max: 100,
    text:
      "Share of the event loop's time from which on tenants of low priority are shed (503, no " +
      "more credit); those of normal priority only if answers are late too, those of high never.",
  },
} as const satisfies OptionTable;
