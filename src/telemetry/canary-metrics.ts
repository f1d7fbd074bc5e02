/** The metrics of the canary: indicators of durability and freshness that need no traffic. */
import { each, type MetricDeclaration } from "./declaration.ts";
import { CANARY_RESULTS } from "./label-sets.ts";

export const CANARY_METRICS = {
  canaryVisits: {
    name: "sluice_canary_visits_total",
    type: "counter",
    help: "Canary records by what became of them; missing: Kafka confirmed it, it is not there.",
    labels: ["result"],
    series: each(CANARY_RESULTS),
  },
  canaryFreshness: {
    name: "sluice_canary_freshness_seconds",
    type: "histogram",
    help: "From producing a canary record to reading it from its topic.",
    buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  },
  canaryAge: {
    name: "sluice_canary_age_seconds",
    type: "gauge",
    help: "Since the topic that was seen longest ago was last seen; absent while it is off.",
    aggregator: "max",
  },
} as const satisfies Record<string, MetricDeclaration>;
