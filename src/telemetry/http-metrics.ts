/** The part of the metric table (metrics.ts) about whole HTTP requests. */
import { each, pairs, type MetricDeclaration } from "./declaration.ts";
import { HTTP_ROUTES, HTTP_STATUSES, REPEAT_KINDS } from "./label-sets.ts";

export const HTTP_METRICS = {
  httpRequests: {
    name: "sluice_http_requests_total",
    type: "counter",
    help: "HTTP requests answered, by route and status.",
    labels: ["route", "status"],
    series: pairs(HTTP_ROUTES, HTTP_STATUSES),
  },
  requestsRepeated: {
    name: "sluice_http_requests_repeated_total",
    type: "counter",
    help: "Requests that came again and got the answer of the first, without being stored again.",
    labels: ["kind"],
    series: each(REPEAT_KINDS),
  },
} as const satisfies Record<string, MetricDeclaration>;
