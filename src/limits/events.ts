/**
 * Bounds of one event, frame, body and record. As in all files of this folder each bound has its
 * unit in its name and its reason beside it, and at each something named happens (refuse, pause,
 * shed, drop the oldest) and is counted. Bounds an operator may move are options (config/) whose
 * defaults are taken from here.
 */
import { assert } from "../lib/assert.ts";

/** JSON nesting, the event itself being 1 (mapping v1); deeper is the fault `depth`. */
export const DEPTH_MAX = 64;

/**
 * One event's JSON text; longer is `too_large`. Small enough that a frame of many stays one turn.
 */
export const EVENT_BYTES_MAX = 32 * 1024;

/** Events of one native frame or request; more is refused whole (413, or close 1009). */
export const FRAME_EVENTS_MAX = 500;

/** Rows of the codec's record table: the largest façade batch (Segment: 2 500). */
export const TABLE_ROWS_MAX = 2_500;

/** One WebSocket frame; longer is answered with `error too_large` and close 1009. */
export const FRAME_BYTES_MAX = 256 * 1024;

/** uWebSockets' own limit, at which it cuts the connection without a word: twice ours. */
export const FRAME_BYTES_HARD_MAX = 2 * FRAME_BYTES_MAX;

/** A control frame (hello, ping, …): it is parsed by JSON.parse, so it stays small. */
export const CONTROL_FRAME_BYTES_MAX = 8 * 1024;

/** One HTTP body as sent; more is 413. */
export const BODY_BYTES_MAX = 1024 * 1024;

/** One HTTP body after inflating; more is 413. */
export const INFLATED_BYTES_MAX = 4 * 1024 * 1024;

/** Inflated size over size as sent; beyond it the body is taken for a bomb: 413. */
export const INFLATE_RATIO_MAX = 100;

/**
 * One Avro record with its header, below Kafka's message.max.bytes of 1 000 000; more: `too_large`.
 */
export const RECORD_BYTES_MAX = 900_000;

/**
 * One batch of records, hence one record, as every topic takes it: Kafka's default is 1 048 588.
 */
export const KAFKA_MESSAGE_BYTES_MAX = 1_000_000;

/** What a record is larger than its event by at most: key, header, framing; its defaults apart. */
export const RECORD_OVERHEAD_BYTES = 4_096;

/** Attributes of one CloudEvent kept as headers of its record; what comes behind is left out. */
export const CLOUDEVENT_HEADERS_BYTES_MAX = 1_024;

/** Event ids (UTF-8 bytes); longer is `bad_id`. */
export const ID_BYTES_MAX = 200;

/** Kafka keys (UTF-8 bytes); longer is `schema_invalid`, kind `too_large`. */
export const KEY_BYTES_MAX = 1_024;

/** Characters of a text that the gateway fills in (a user agent): more is cut. */
export const FILL_TEXT_LENGTH_MAX = 1_024;

/** Faults told of one event to who asks for all of them; it has more than anybody reads by then. */
export const FAULTS_PER_EVENT_MAX = 32;

/**
 * Text of one frame's events that is judged again to find all of their faults: some 50 ms of work;
 * beyond it an event's first fault alone is told.
 */
export const FAULT_SEARCH_BYTES_MAX = 4 * 1024 * 1024;

/** Bytes of HTTP bodies that are being received or inflated; beyond it 503. */
export const BODIES_BYTES_MAX = 128 * 1024 * 1024;

/** Bodies that are inflated at once: the thread pool belongs to Kafka's flushes first. */
export const INFLATIONS_MAX = 4;

/** Nested arrays and objects in a pack.json or a registry's answer. */
export const JSON_FILE_DEPTH_MAX = 32;

assert(FRAME_BYTES_MAX < FRAME_BYTES_HARD_MAX, "our answer to a long frame comes before uWS cuts");
assert(FRAME_EVENTS_MAX <= TABLE_ROWS_MAX, "a full frame fits the record table");
assert(RECORD_BYTES_MAX + RECORD_OVERHEAD_BYTES <= KAFKA_MESSAGE_BYTES_MAX, "Kafka takes records");
