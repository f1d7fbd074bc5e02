/** Dashboards of who reads events again: the live feed, and the sink into PostgreSQL. Data only. */
import { each, quantiles, rate, sum, type Dashboard } from "./panel.ts";

export const LIVE: Dashboard = {
  title: "sluice / Live feed",
  panels: [
    {
      title: "Subscribers",
      description: "Open connections of the live feed.",
      unit: "short",
      queries: { [each("sluice_live_subscribers")]: "{{instance}}" },
    },
    {
      title: "Events given to them",
      description: "Each counted for each subscriber.",
      unit: "ops",
      queries: { [rate("sluice_live_deliveries_total", "instance")]: "{{instance}}" },
    },
    {
      title: "Records read",
      description: "Delivered, wanted by nobody here, or foreign.",
      unit: "ops",
      queries: { [rate("sluice_live_records_total", "fate")]: "{{fate}}" },
    },
    {
      title: "Feeds and readers",
      description: "Topics read, readers for subscribers that are behind, and who waits for one.",
      unit: "short",
      queries: {
        [sum("sluice_live_feeds")]: "feeds",
        [sum("sluice_live_catch_ups")]: "catching up",
        [sum("sluice_live_behind")]: "waiting for a reader",
      },
    },
    {
      title: "Subscriptions",
      description: "By where they began.",
      unit: "ops",
      queries: { [rate("sluice_live_subscriptions_total", "start")]: "{{start}}" },
    },
    {
      title: "Gaps",
      description: "Events that subscribers were not sent, and were told of, by reason.",
      unit: "ops",
      queries: { [rate("sluice_live_gaps_total", "reason")]: "{{reason}}" },
    },
    {
      title: "Sent away",
      description: "Subscribers refused as they came, and topics that could not be read.",
      unit: "ops",
      queries: {
        [rate("sluice_live_refused_total", "reason")]: "{{reason}}",
        [rate("sluice_live_failures_total", "job")]: "topic failed",
      },
    },
    {
      title: "Event loop for it",
      description: "Share of a process's time that the live feed was charged for.",
      unit: "percentunit",
      queries: { "rate(sluice_live_busy_seconds_total{SELECT}[EVERY])": "{{instance}}" },
    },
  ],
};

/** A job of its own, without a gateway's build info: nothing is chosen by job or instance. */
export const SINK: Dashboard = {
  title: "sluice / Sink",
  panels: [
    {
      title: "Lag",
      description: "Records in Kafka that are not gathered yet, by topic.",
      unit: "short",
      queries: { "sum by (topic) (sluice_sink_lag_records)": "{{topic}}" },
    },
    {
      title: "Records missed",
      description: "Dropped by Kafka before they were written. Anything but 0 is lost here.",
      unit: "short",
      alarmAt: 1,
      queries: { "sum(sluice_sink_missed_records_total)": "missed" },
    },
    {
      title: "Records",
      description: "Whose transaction is committed, by what became of them.",
      unit: "ops",
      queries: { "sum by (result) (rate(sluice_sink_records_total[EVERY]))": "{{result}}" },
    },
    {
      title: "Not written",
      description: "Records of which nothing is written, by why.",
      unit: "ops",
      queries: { "sum by (why) (rate(sluice_sink_skipped_total[EVERY]))": "{{why}}" },
    },
    {
      title: "Time of a batch",
      description: "From its first try to its commit.",
      unit: "s",
      queries: unselected(quantiles("sluice_sink_batch_seconds")),
    },
    {
      title: "Tries again",
      description: "Batches committed; attempts repeated by who did not answer; conflicts.",
      unit: "ops",
      queries: {
        "sum(rate(sluice_sink_batches_total[EVERY]))": "committed",
        "sum by (cause) (rate(sluice_sink_retries_total[EVERY]))": "again: {{cause}}",
        "sum(rate(sluice_sink_conflicts_total[EVERY]))": "conflicts",
      },
    },
    {
      title: "Erasures",
      description: "Of persons, carried out in one hour.",
      unit: "short",
      queries: { "sum(increase(sluice_sink_erasures_total[1h]))": "persons" },
    },
  ],
};

function unselected(queries: Readonly<Record<string, string>>): Record<string, string> {
  const bare = Object.entries(queries).map(([query, legend]) => [
    query.replaceAll("{SELECT}", ""),
    legend,
  ]);
  // As many entries of the same form.
  return Object.fromEntries(bare) as Record<string, string>;
}
