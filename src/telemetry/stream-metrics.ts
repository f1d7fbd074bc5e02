/** The metrics of the memory of streams and of their slow readers: part of the metric table. */
import { each, type MetricDeclaration } from "./declaration.ts";
import { BACKLOGS, RESULTS, STREAM_CLAIMS } from "./label-sets.ts";

const HAND_OVER_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3];

export const STREAM_MEMORY_METRICS = {
  wsBacklogs: {
    name: "sluice_ws_backlogs_total",
    type: "counter",
    help: "Frames for clients that read too slowly: waited, or the connection was cut for it.",
    labels: ["result"],
    series: each(BACKLOGS),
  },
  streamClaims: {
    name: "sluice_stream_claims_total",
    type: "counter",
    help:
      "Claims of streams: unknown, resumed, unclean (a former holder is dead or late), away " +
      "(decided without the stream memory), denied (no proof).",
    labels: ["how"],
    series: each(STREAM_CLAIMS),
  },
  streamsSuperseded: {
    name: "sluice_streams_superseded_total",
    type: "counter",
    help: "Streams that a newer claim took away from a holder in this process.",
  },
  streamHandOver: {
    name: "sluice_stream_hand_over_seconds",
    type: "histogram",
    help: "How long claims waited for other processes to release a stream.",
    buckets: HAND_OVER_SECONDS,
  },
  streamSaves: {
    name: "sluice_stream_saves_total",
    type: "counter",
    help: "Writes of stream records to the stream memory, many records each, by result.",
    labels: ["result"],
    series: each(RESULTS),
  },
  streamsForgotten: {
    name: "sluice_streams_forgotten_total",
    type: "counter",
    help: "Stream records given up: too many for the memory, or not written before the stop.",
  },
  streamsHeld: {
    name: "sluice_streams_held",
    type: "gauge",
    help: "Streams held by this process.",
  },
  streamMemoryUp: {
    name: "sluice_stream_memory_up",
    type: "gauge",
    help: "1 while the stream memory answers, else 0. Without it streams go on, in doubt.",
    aggregator: "min",
  },
} as const satisfies Record<string, MetricDeclaration>;
