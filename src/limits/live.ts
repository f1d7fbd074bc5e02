/** Bounds of the live feed: who looks on, what is told at once, what waits. */

/** Subscribers of the live feed in one process; one more is refused with 1013 or 503. */
export const LIVE_SUBSCRIBERS_MAX = 10_000;

/** Share of a process's time that the live feed may take, percent; then it waits. */
export const LIVE_CPU_PERCENT = 30;

/** What was stored so long ago, seconds, has been told by its feed, or it is left out as a gap. */
export const LIVE_LATEST_SECONDS = 30;

/** The live feed gives the event loop back after so many milliseconds of its own work. */
export const LIVE_SLICE_MS = 2;

/** What is told in one go, bytes of frames: one write for each subscriber, whatever is in it. */
export const LIVE_SLICE_BYTES = 64 * 1024;

/** Subscribers that are always told it in the same turn of the event loop. */
export const LIVE_SHARD_SUBSCRIBERS = 64;

/**
 * Shards are told in the same turn of the event loop until so much is written; the others have
 * turns of their own. A write takes some 3 to 10 µs, one of 64 KiB some 25, so it counts as some
 * bytes, whatever is in it: a turn is about two milliseconds.
 */
export const LIVE_TURN_BYTES = 4 * 1024 * 1024;
export const LIVE_WRITE_BYTES = 16 * 1024;

/** One event as JSON in the live feed; of a longer one all but its value is told. */
export const LIVE_EVENT_BYTES_MAX = 256 * 1024;

/** Bytes that wait for one slow subscriber; beyond it he is told of a gap instead. */
export const LIVE_BUFFER_BYTES_MAX = 256 * 1024;

/** And for all of them: each has an even share, but not less than the least. */
export const LIVE_BUFFERS_BYTES_MAX = 128 * 1024 * 1024;
export const LIVE_BUFFER_BYTES_MIN = 16 * 1024;

/** Topics that are read for subscribers at once; each has a consumer. One more is refused. */
export const LIVE_FEEDS_MAX = 64;

/** A topic without subscribers is read on for so long: pages reconnect. */
export const LIVE_FEED_LINGER_MS = 5_000;

/** Failures in a row to read a topic, a second apart; then its subscribers are sent away. */
export const LIVE_FEED_FAILURES_MAX = 10;

/** A feed asks for new partitions so often, at the most; one feed of a process at a time. */
export const LIVE_PARTITIONS_LOOK_MS = 5_000;

/** How long a feed waits for Kafka to say which partitions there are, and where they end. */
export const LIVE_QUESTION_TIMEOUT_MS = 2_000;

/**
 * What the console sees of the feeds: types at once, the last events of each, and how much of a
 * value is kept to name its members; together at most 8 MiB. Nobody has looked for so long: over.
 */
export const LIVE_WATCHES_MAX = 8;
export const LIVE_WATCHED_EVENTS_MAX = 60;
export const LIVE_WATCHED_VALUE_BYTES_MAX = 16 * 1024;
export const LIVE_WATCH_LEASE_MS = 10_000;

/** What librdkafka may fetch ahead for one reader of the live feed, KiB. */
export const LIVE_READER_QUEUE_KIB = 2 * 1024;

/** Records taken from it at once. */
export const LIVE_PORTION_RECORDS = 200;

/** How long a subscription waits for Kafka to answer. */
export const LIVE_CONNECT_TIMEOUT_MS = 10_000;

/** Topics, types, keys and conditions that one subscription may name; more is a bad request. */
export const LIVE_TOPICS_MAX = 16;
export const LIVE_TYPES_MAX = 256;
export const LIVE_KEYS_MAX = 64;
export const LIVE_CONDITIONS_MAX = 8;

/** Values of one condition, and characters of each text in it. */
export const LIVE_CONDITION_VALUES_MAX = 50;
export const LIVE_CONDITION_TEXT_MAX = 256;

/** Channels one subscription may need: its types times its keys. More is a bad request. */
export const LIVE_CHANNELS_MAX = 1_024;

/** A frame of a subscriber; a longer one closes with 1009. */
export const LIVE_FRAME_BYTES_MAX = 32 * 1024;

/** Characters of a token of offsets: what fits a header beside others. */
export const LIVE_TOKEN_CHARACTERS_MAX = 8 * 1024;

/** Readers of what was before now, each for all that wait for its topic. Others wait. */
export const LIVE_CATCH_UPS_MAX = 4;

/** Of one topic: one for those who are near while another one reads what is far back. */
export const LIVE_CATCH_UPS_OF_TOPIC_MAX = 2;

/** Subscribers one of them serves. */
export const LIVE_CATCH_UP_MEMBERS_MAX = 1_000;

/** Records one of them looks at for a subscriber; what is left then is a gap. */
export const LIVE_CATCH_UP_RECORDS_MAX = 1_000_000;

/** Offsets that one `fetch` may ask for. */
export const LIVE_FETCH_RECORDS_MAX = 100_000;

/** A subscriber hears something at least so often, and where he is at most so often. */
export const LIVE_HEARTBEAT_MS = 15_000;
export const LIVE_POSITION_MS = 1_000;
