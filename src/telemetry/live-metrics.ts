/** The metrics of the live feed: part of the metric table. */
import { each, type MetricDeclaration } from "./declaration.ts";
import { LIVE_GAPS, LIVE_RECORDS, LIVE_REFUSALS, LIVE_STARTS } from "./label-sets.ts";

export const LIVE_METRICS = {
  liveSubscribers: {
    name: "sluice_live_subscribers",
    type: "gauge",
    help: "Open connections of the live feed.",
  },
  liveFeeds: {
    name: "sluice_live_feeds",
    type: "gauge",
    help: "Topics that are read for them; each has a consumer.",
  },
  liveCatchUps: {
    name: "sluice_live_catch_ups",
    type: "gauge",
    help: "Readers at work for subscribers that are behind.",
  },
  liveBehind: {
    name: "sluice_live_behind",
    type: "gauge",
    help: "Subscribers' topics that wait for such a reader.",
  },
  liveSubscriptions: {
    name: "sluice_live_subscriptions_total",
    type: "counter",
    help: "Subscriptions by where they began: now, at a time, at a token.",
    labels: ["start"],
    series: each(LIVE_STARTS),
  },
  liveRefused: {
    name: "sluice_live_refused_total",
    type: "counter",
    help: "Subscribers sent away as they came, by reason.",
    labels: ["reason"],
    series: each(LIVE_REFUSALS),
  },
  liveRecords: {
    name: "sluice_live_records_total",
    type: "counter",
    help:
      "Records the feeds have read: delivered, unwanted by anybody here, foreign (no event of a " +
      "tenant).",
    labels: ["fate"],
    series: each(LIVE_RECORDS),
  },
  liveDeliveries: {
    name: "sluice_live_deliveries_total",
    type: "counter",
    help: "Events given to subscribers, each counted for each of them.",
  },
  liveGaps: {
    name: "sluice_live_gaps_total",
    type: "counter",
    help:
      "Gaps that subscribers were told of, each counted for each of them: slow, behind, " +
      "retention, reset, limit.",
    labels: ["reason"],
    series: each(LIVE_GAPS),
  },
  liveFailures: {
    name: "sluice_live_failures_total",
    type: "counter",
    help: "Topics that could not be read; their subscribers were sent away.",
  },
  liveBusy: {
    name: "sluice_live_busy_seconds_total",
    type: "counter",
    help: "Time of the event loop that the live feed was charged for: see liveCpuPercent.",
  },
} as const satisfies Record<string, MetricDeclaration>;
