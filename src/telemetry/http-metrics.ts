/** The part of the metric table (metrics.ts) about whole HTTP requests and their bodies. */
import { each, pairs, type MetricDeclaration } from "./declaration.ts";
import {
  BODY_SIDES,
  HTTP_ROUTES,
  HTTP_STATUSES,
  LOOK_UP_RESULTS,
  REMEMBER_RESULTS,
  REPEAT_KINDS,
} from "./label-sets.ts";

export const HTTP_METRICS = {
  compressedBytes: {
    name: "sluice_compressed_body_bytes_total",
    type: "counter",
    help: "Bytes of bodies that came compressed: as they came, and inflated.",
    labels: ["form"],
    series: each(BODY_SIDES),
  },
  httpRequests: {
    name: "sluice_http_requests_total",
    type: "counter",
    help: "HTTP requests answered, by route and status.",
    labels: ["route", "status"],
    series: pairs(HTTP_ROUTES, HTTP_STATUSES),
  },
  httpRequestTime: {
    name: "sluice_http_request_seconds",
    type: "histogram",
    help: "From the head of a request to its answer being written, by route.",
    labels: ["route"],
    series: each(HTTP_ROUTES),
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 10],
  },
  requestsRepeated: {
    name: "sluice_http_requests_repeated_total",
    type: "counter",
    help: "Requests that came again and got the answer of the first, without being stored again.",
    labels: ["kind"],
    series: each(REPEAT_KINDS),
  },
  repeatsLookedUp: {
    name: "sluice_repeats_looked_up_total",
    type: "counter",
    help:
      "Ids and requests that other processes were asked for: found, absent, or unknown because " +
      "Redis could not tell in time.",
    labels: ["result"],
    series: each(LOOK_UP_RESULTS),
  },
  repeatsShared: {
    name: "sluice_repeats_shared_total",
    type: "counter",
    help:
      "Ids and answers told to other processes: written, dropped (Redis away, or too many), or " +
      "failed.",
    labels: ["result"],
    series: each(REMEMBER_RESULTS),
  },
} as const satisfies Record<string, MetricDeclaration>;
