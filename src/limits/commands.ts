/** Bounds of the commands besides `start`. */
import { FRAME_EVENTS_MAX } from "./events.ts";

/** Records `tail` takes from librdkafka at once. */
export const READER_BATCH_RECORDS_MAX = 100;

/** KiB of records librdkafka fetches ahead of `tail`; while they are unread it fetches no more. */
export const READER_QUEUE_KIB_MAX = 16 * 1024;

/** How long `tail` waits for a first answer of Kafka. */
export const TAIL_CONNECT_TIMEOUT_MS = 10_000;

/** How long `tail` waits for a schema before it prints a record undecoded. */
export const TAIL_REGISTRY_DEADLINE_MS = 3_000;

/**
 * One line of JSON given to `encode`; a longer one is `too_large`. Above what a record may hold.
 */
export const ENCODE_LINE_BYTES_MAX = 1024 * 1024;

/** How long the schema commands wait for one answer of the registry. */
export const SCHEMA_COMMAND_DEADLINE_MS = 5_000;

/** Lines of JSON that `encode` hands to the codec at once. */
export const ENCODE_BATCH_LINES_MAX = FRAME_EVENTS_MAX;
