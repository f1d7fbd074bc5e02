/** The metrics about who was turned away or had to wait, by which limit. */
import { each, type MetricDeclaration } from "./declaration.ts";
import { CREDIT_PAUSES, QUOTA_SCOPES, TURNED_AWAY_BY } from "./label-sets.ts";

export const FAIRNESS_METRICS = {
  turnedAway: {
    name: "sluice_turned_away_total",
    type: "counter",
    help: "Requests answered 429 for their address alone, by the limit that was reached.",
    labels: ["by"],
    series: each(TURNED_AWAY_BY),
  },
  quotaReached: {
    name: "sluice_quota_reached_total",
    type: "counter",
    help: "Requests answered 429 because a quota is used up: the tenant's or the source's.",
    labels: ["scope"],
    series: each(QUOTA_SCOPES),
  },
  creditPauses: {
    name: "sluice_stream_credit_pauses_total",
    type: "counter",
    help: "Times a client was told that its credit does not rise, by why.",
    labels: ["reason"],
    series: each(CREDIT_PAUSES),
  },
  badCredentials: {
    name: "sluice_bad_credentials_total",
    type: "counter",
    help: "Keys, tokens and tickets that were shown and were not good.",
  },
  shedLevel: {
    name: "sluice_shed_level",
    type: "gauge",
    help: "Traffic that is shed: 0 none, 1 of low priority, 2 all but that of high priority.",
    aggregator: "max",
  },
} as const satisfies Record<string, MetricDeclaration>;
