/**
 * The metrics about the stages a batch goes through, about the clocks of those who sent it, and
 * about the traces of some batches.
 */
import { each, type MetricDeclaration } from "./declaration.ts";
import { CLOCK_SIDES, SPAN_RESULTS } from "./label-sets.ts";

const SHORT_SECONDS = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
  0.1,
];
const LONG_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 10, 30];

const SKEW_SECONDS = [0.1, 0.5, 1, 5, 30, 60, 300, 3_600, 86_400];

export const STAGE_METRICS = {
  receive: {
    name: "sluice_receive_seconds",
    type: "histogram",
    help: "From the head of a request to its body being whole, inflated, and its sender known.",
    buckets: [...SHORT_SECONDS, ...LONG_SECONDS.filter((bound) => bound > 0.1)],
  },
  encode: {
    name: "sluice_encode_seconds",
    type: "histogram",
    help: "Validating and encoding one batch.",
    buckets: SHORT_SECONDS,
  },
  commit: {
    name: "sluice_commit_seconds",
    type: "histogram",
    help: "From handing the records of a batch to Kafka's producers to its last outcome.",
    buckets: LONG_SECONDS,
  },
  answer: {
    name: "sluice_answer_seconds",
    type: "histogram",
    help: "From knowing outcomes to having written the answer or ack that tells them.",
    buckets: SHORT_SECONDS,
  },
  clockSkew: {
    name: "sluice_clock_skew_seconds",
    type: "histogram",
    help:
      "How far sentAt of a batch is from its arrival; slow has the time on the way in it. Event " +
      "times are corrected by it.",
    labels: ["clock"],
    series: each(CLOCK_SIDES),
    buckets: SKEW_SECONDS,
  },
} as const satisfies Record<string, MetricDeclaration>;

export const TRACE_METRICS = {
  traceSpans: {
    name: "sluice_trace_spans_total",
    type: "counter",
    help: "Spans that the collector took, or that were lost because it did not.",
    labels: ["result"],
    series: each(SPAN_RESULTS),
  },
  tracesDropped: {
    name: "sluice_traces_dropped_total",
    type: "counter",
    help: "Batches that were picked and not traced, because too many spans wait.",
  },
} as const satisfies Record<string, MetricDeclaration>;
