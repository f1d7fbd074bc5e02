/** Bounds of streams: sockets, credit, and what is remembered of them. */
import { assert } from "../lib/assert.ts";
import { DRAIN_DEADLINE_MS } from "./delivery.ts";

/** The first frame (hello) of a WebSocket has to come within this time. */
export const HELLO_TIMEOUT_MS = 5_000;

/** A silent stream is pinged after this time, and given up after two more: below proxies' 60 s. */
export const PING_MS = 25_000;

/** Events a stream may have in flight: its credit. */
export const STREAM_INFLIGHT_EVENTS_MAX = 1_000;

/** Bytes of pub frames a stream may have in flight. */
export const STREAM_INFLIGHT_BYTES_MAX = 1024 * 1024;

/** A new connection may send so much before its first ack. */
export const STREAM_FIRST_EVENTS = 100;
export const STREAM_FIRST_BYTES = 128 * 1024;

/** A stream may always be told to send so much beyond what it has sent, if nothing else forbids. */
export const STREAM_ALLOWANCE_EVENTS_MIN = 64;
export const STREAM_ALLOWANCE_BYTES_MIN = 64 * 1024;

/**
 * Credit told to all streams and not used, in multiples of UNACKED_EVENTS_MAX; see
 * streamOvercommit.
 */
export const STREAM_OVERCOMMIT = 16;

/** Bytes of a pub frame around its events. */
export const PUB_ENVELOPE_BYTES = 1_024;

/**
 * Events of a stream's frames that came in one turn of the event loop and share a batch. What comes
 * beyond begins another batch: with more there is nothing left to gain, and a batch is acked whole.
 */
export const STREAM_JOINED_EVENTS_MAX = 100;

/**
 * What is stored of a frame is told with the rest of it, or after so long: acks of parts cost a
 * tenth of the throughput. Credit that is needed, refusals and retries are told at once.
 */
export const STREAM_ACK_HOLD_MS = 50;

/**
 * The same while Kafka does not confirm some partitions, in milliseconds. What is complete with
 * theirs waits in vain, but the other lanes' commits end within some milliseconds all the same.
 */
export const STREAM_ACK_HOLD_STALLED_MS = 20;

/** Frames of a connection that are not events: so many at once, and so many a second; else 1008. */
export const CONTROL_FRAMES_BURST = 100;
export const CONTROL_FRAMES_PER_SECOND = 20;

/** A connection is asked to come back elsewhere after this time, ± 20 %. */
export const STREAM_AGE_MAX_MS = 4 * 3_600_000;

/** Clients that are asked to leave come back spread over at most this time. */
export const GOAWAY_SPREAD_MS = 5_000;

/** After goaway clients have so much longer than they were told to leave by themselves. */
export const GOAWAY_GRACE_MS = 1_000;

/** Without Kafka for so long, ± 20 %, a stream is closed with 4503, to come back much later. */
export const STREAM_KAFKA_PATIENCE_MS = 120_000;

/**
 * Frames of a stream that wait behind one whose schemas are being fetched: all that credit allows.
 */
export const STREAM_WAITING_FRAMES_MAX = 2 * STREAM_INFLIGHT_EVENTS_MAX;

/** Their bytes; more than credit allows closes the stream. */
export const STREAM_WAITING_BYTES_MAX = 2 * STREAM_INFLIGHT_BYTES_MAX;

/** Open WebSockets of one process; further ones are closed with 1013. */
export const STREAMS_MAX = 50_000;

/** Bytes waiting to be read by a slow WebSocket client; beyond it the socket is closed. */
export const SOCKET_BACKLOG_BYTES_MAX = 1024 * 1024;

/** Seconds for which a stream is remembered after its last change: a day off-line. */
export const STREAM_TTL_SECONDS = 24 * 3_600;

/** Seconds a resume token lives beyond that: sockets are open for long without a change. */
export const STREAM_TOKEN_EXTRA_SECONDS = 30 * 24 * 3_600;

/** Secrets whose resume tokens are taken: the one that signs, and those before it. */
export const STREAM_SECRETS_MAX = 4;

/** Streams the embedded memory remembers (200 B each or so); the one changed longest ago goes. */
export const STREAMS_REMEMBERED_MAX = 100_000;

/** Ranges of final numbers above `done` that are remembered; what is cut off is in doubt. */
export const STREAM_SACK_RANGES_MAX = 64;

/** Outcomes other than stored that are remembered of a stream; the oldest go. */
export const STREAM_EXCEPTIONS_MAX = 64;

/** Characters of each text of such an outcome. */
export const STREAM_EXCEPTION_TEXT_MAX = 200;

/** Former holders of one stream a claim waits for at once; beyond it the oldest leaves doubt. */
export const STREAM_WAITED_FOR_MAX = 8;

/** How long a former holder may take to release a stream; then duplicates are possible. */
export const HAND_OVER_WAIT_MS = 3_000;

/** How long changes of streams are gathered before they are written. */
export const STREAM_SAVE_MS = 1_000;

/** Streams in one pipeline to Redis. */
export const STREAM_PIPELINE_SAVES_MAX = 1_000;

/** Released streams still to be written while the memory is away; beyond it the oldest goes. */
export const STREAMS_LEAVING_MAX = 20_000;

/** An answer of the memory that has not come by then counts as none. */
export const STREAM_STORE_DEADLINE_MS = 1_000;

/** A process that has not shown itself in the memory for so long is taken for dead. */
export const STREAM_HEARTBEAT_TTL_MS = 4_000;

/** How often it shows itself. */
export const STREAM_HEARTBEAT_MS = 1_000;

/** What the last write of streams may take when the process stops. */
export const STREAM_STOP_DEADLINE_MS = 2_000;

assert(STREAM_STOP_DEADLINE_MS < DRAIN_DEADLINE_MS, "streams are written before the drain ends");
assert(
  STREAM_HEARTBEAT_MS + STREAM_STORE_DEADLINE_MS < STREAM_HEARTBEAT_TTL_MS,
  "one lost heartbeat does not make a process dead",
);
