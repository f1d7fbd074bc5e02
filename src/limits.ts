/**
 * Every bound of sluice, with its unit in the name and its reason beside it. At each bound
 * something named happens (refuse, pause, shed, drop the oldest) and is counted. Bounds an operator
 * may move are options (config/) whose defaults are taken from here.
 */
import { assert } from "./lib/assert.ts";

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

/** How long a request that comes again is known: past the retries of every client that is known. */
export const REPEAT_WINDOW_MS = 3_600_000;

/** Answers remembered for requests that come again; beyond it the oldest are forgotten. */
export const REPEAT_ANSWERS_MAX = 100_000;

/** Bytes of those answers and their keys. */
export const REPEAT_BYTES_MAX = 32 * 1024 * 1024;

/** Ids remembered for tenants with `dedupe`, about 150 bytes each; the oldest are forgotten. */
export const DEDUPE_IDS_MAX = 500_000;

/**
 * What one process tells the others through Redis of what is stored: entries of about 200 bytes
 * that are not over yet; beyond it the others are not told. One answer is told up to its bytes.
 */
export const SHARED_ENTRIES_MAX = 500_000;
export const SHARED_ANSWER_BYTES_MAX = 4 * 1024;

/** Entries that wait to be written, and how long they do; more are not told to the others. */
export const SHARED_WRITES_MAX = 20_000;
export const SHARED_FLUSH_MS = 50;

/** Keys asked for in one turn; the rest counts as unknown. */
export const SHARED_LOOKUPS_MAX = 10_000;

/** How long an answer waits for what others know; a Redis that is late is not asked for a while. */
export const SHARED_LOOKUP_DEADLINE_MS = 50;
export const SHARED_PAUSE_MS = 1_000;

/** An id that another process has stored is taken as known for so long, then asked for again. */
export const SHARED_ID_KEPT_MS = 60_000;

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

/**
 * HTTP requests give `retry` for what Kafka has not confirmed by then (some SDKs give up at 5 s).
 */
export const HTTP_DEADLINE_MS = 4_000;

/**
 * Kafka's own time for one record (message.timeout.ms); afterwards its outcome is unknown: `retry`.
 */
export const MESSAGE_TIMEOUT_MS = 15_000;

/**
 * A commit's flush; longer than the message timeout, so that every record has been judged by then.
 */
export const COMMIT_DEADLINE_MS = MESSAGE_TIMEOUT_MS + 5_000;

/**
 * How long an accepted record may wait for its commit to begin; then `kafka_unavailable`. Longer
 * than the commit before it hangs on a leader that stands still: that is given up after two thirds
 * of the message timeout, found out within a second, and another one takes over.
 */
export const GATHER_WAIT_MS = 13_000;

/** WebSocket events have their outcome by then whatever happens: gathered, committed, settled. */
export const STREAM_DEADLINE_MS = GATHER_WAIT_MS + COMMIT_DEADLINE_MS + 5_000;

/** Unacked events of the process; above it HTTP gets 503 and credit stops rising. */
export const UNACKED_EVENTS_MAX = 200_000;

/** Unacked bytes of the process, likewise. */
export const UNACKED_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Memory for records on their way to Kafka comes in pieces of this size; a record is never split.
 */
export const SEGMENT_BYTES = 1024 * 1024;

/** Records of one such piece; more small ones go into the next. */
export const SEGMENT_ROWS = 4_096;

/**
 * Records of one commit; the rest waits for the next, so that producing never holds the loop long.
 */
export const COMMIT_RECORDS_MAX = 8_192;

/** Bytes of one commit, likewise; also what librdkafka may hold per lane beside our own memory. */
export const COMMIT_BYTES_MAX = 4 * 1024 * 1024;

/** Lanes (producers) of one process; each costs threads and connections. */
export const LANES_MAX = 16;

/** Lanes of one process alone; workers share them, but each has so many at least. */
export const LANES = 4;
export const LANES_OF_WORKER_MIN = 2;

/** Topics one process produces to; registering more is a broken invariant. */
export const DESTINATIONS_MAX = 1_000;

/** Tenants with a share of their own in the budget; those beyond have one together. */
export const TENANTS_MAX = 10_000;

/** Without any confirmation for this long while records are out, Kafka counts as unavailable. */
export const STALL_MS = 3_000;

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

/** HTTP requests waiting for Kafka; beyond it 503. */
export const HTTP_REQUESTS_MAX = 10_000;

/** A session id sent by a client (bytes, printable ASCII); longer is not taken for one. */
export const SESSION_ID_BYTES_MAX = 100;

/** Sessions a process knows, about 400 bytes each; the least recently used is written and goes. */
export const SESSIONS_MAX = 200_000;

/** Gone sessions still to be written while the store is away; beyond it the oldest is given up. */
export const SESSIONS_LEAVING_MAX = 20_000;

/** Sessions in one pipeline to Redis: some milliseconds of this process's time, below 1 MB. */
export const SESSION_PIPELINE_UPDATES_MAX = 1_000;

/** Idle sessions looked at in one tick, so that a sweep never holds the event loop. */
export const SESSION_SWEEP_MAX = 5_000;

/** How long session changes are gathered before they are written, in milliseconds. */
export const SESSION_FLUSH_INTERVAL_MS = 200;

/** A pipeline without an answer by then is given up, its connection closed, and sent again. */
export const SESSION_STORE_DEADLINE_MS = 1_000;

/** How long a session waits for its end to be announced: an outage of Kafka, in milliseconds. */
export const SESSION_UNSAID_MS = 24 * 3_600_000;

/** From the first write of a session to its announcement: the first events are counted by then. */
export const SESSION_SETTLE_MS = 2_000;

/** How often a process looks for sessions to announce, in milliseconds. */
export const SESSION_SWEEP_INTERVAL_MS = 1_000;

/** A claim on sessions to announce ends then, in milliseconds: its process may be gone. */
export const SESSION_CLAIM_MS = 30_000;

/** Actors claimed at once from one shard of the deadlines; what is more waits for the next look. */
export const SESSION_CLAIMS_MAX = 250;

/** Sessions of one actor announced at once; what is more waits for the next look. */
export const SESSION_CLAIM_SESSIONS_MAX = 100;

/** UTF-16 units of a known id that an actor is linked to; a longer one links nothing. */
export const KNOWN_ID_LENGTH_MAX = 256;

/** UTF-16 units of a person's key in a path. */
export const PERSON_KEY_LENGTH_MAX = 1_024;

/** Marks of erasures in the memory of a process; beyond it the oldest is forgotten. */
export const SESSION_MARKS_MAX = 10_000;

/** Frames that wait for ids of sessions at once; further ones do not wait. */
export const SESSION_AGREEMENTS_MAX = 1_000;

/** How long an event whose record holds its session's id waits for that id, in milliseconds. */
export const SESSION_AGREE_MS = 50;

/** The longest wait between attempts to write sessions while the store fails. */
export const SESSION_BACKOFF_MS_MAX = 5_000;

/** What the last write of sessions may take when the process stops. */
export const SESSION_STOP_DEADLINE_MS = 2_000;

/** Bytes of HTTP bodies that are being received or inflated; beyond it 503. */
export const BODIES_BYTES_MAX = 128 * 1024 * 1024;

/** Bodies that are inflated at once: the thread pool belongs to Kafka's flushes first. */
export const INFLATIONS_MAX = 4;

/** How long a drain may take before the process leaves anyway. */
export const DRAIN_DEADLINE_MS = 30_000;

/** The text of one Avro schema; a longer one is refused at load. */
export const SCHEMA_BYTES_MAX = 1024 * 1024;

/**
 * Nested arrays and objects in a schema's text: DEPTH_MAX records within records take four each.
 */
export const SCHEMA_DEPTH_MAX = 4 * DEPTH_MAX;

/** Nested arrays and objects in a pack.json or a registry's answer. */
export const JSON_FILE_DEPTH_MAX = 32;

/** Event types of one pack; each costs a plan in the codec. */
export const PACK_TYPES_MAX = 1_000;

/** Topics of one pack; each costs librdkafka a handle. */
export const PACK_TOPICS_MAX = 1_000;

/** Partitions a pack may ask for when it has its topics created. */
export const PACK_PARTITIONS_MAX = 10_000;

/** A type's name (UTF-8 bytes). */
export const TYPE_BYTES_MAX = 200;

/** A topic's name: Kafka's 249 less the room for the suffix of the dead letters. */
export const TOPIC_BYTES_MAX = 245;

/** A registry subject (UTF-8 bytes); it becomes a step of a URL. */
export const SUBJECT_BYTES_MAX = 500;

/** Pointers of one kind (id, key, …) in a pack. */
export const POINTERS_MAX = 4;

/** One JSON pointer of a pack (UTF-8 bytes). */
export const POINTER_BYTES_MAX = 200;

/** Nested values in a record that is read back: twice what an event may nest, for its defaults. */
export const DECODE_DEPTH_MAX = 2 * DEPTH_MAX;

/** Items of all arrays and maps of one record that is read back: nulls cost no byte of it. */
export const DECODED_ITEMS_MAX = 4_000_000;

/** One decimal that is read back, without repeated sign bytes: its digits cost quadratic time. */
export const DECIMAL_BYTES_MAX = 1_024;

/** Avro bytes of one block of a container file: enough to compress well, little enough to hold. */
export const CONTAINER_BLOCK_BYTES_MAX = 64 * 1024;

/** Records `tail` takes from librdkafka at once. */
export const READER_BATCH_RECORDS_MAX = 100;

/** KiB of records librdkafka fetches ahead of `tail`; while they are unread it fetches no more. */
export const READER_QUEUE_KIB_MAX = 16 * 1024;

/** One answer of a schema registry; a longer one is not read to its end. */
export const REGISTRY_ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** Tries of one registry call (at least one per URL). */
export const REGISTRY_TRIES_MAX = 4;

/** Pause between two tries: a random part of base × 2^n, n counting from 0, up to the maximum. */
export const REGISTRY_BACKOFF_BASE_MS = 100;
export const REGISTRY_BACKOFF_MAX_MS = 2_000;

/** All tries of one registry call together. */
export const REGISTRY_DEADLINE_MS = 10_000;

/** Registry calls that failed in a row before it is left alone for a while. */
export const REGISTRY_FAILURES_MAX = 3;

/** How long it is left alone. */
export const REGISTRY_REST_MS = 2_000;

/** Schemas of a registry kept by id; beyond it the one not used for longest goes. */
export const REGISTRY_SCHEMAS_MAX = 1_000;

/** Answers "there is no such schema" that are remembered; beyond it the oldest goes. */
export const REGISTRY_ABSENT_MAX = 10_000;

/** How long such an answer holds: the schema may be registered a moment later. */
export const REGISTRY_ABSENT_MS = 30_000;

/** Schemas that one schema may refer to, directly or not, and how deep the chain may be. */
export const SCHEMA_REFERENCES_MAX = 64;
export const SCHEMA_REFERENCE_DEPTH_MAX = 8;

/** Subjects asked for at once in a round of refreshing. */
export const SCHEMA_REFRESH_PARALLEL = 4;

/** Pause before the next round while the registry does not answer; else the refresh interval. */
export const SCHEMA_RETRY_MS = 5_000;

/** How long a start waits for the registry before it takes the schemas saved on disk. */
export const SCHEMA_START_MS = 3_000;

/** Schemas that events asked for by name and that are kept parsed. */
export const RESOLVED_SCHEMAS_MAX = 256;

/** An event that names a schema waits this long for the registry, then it is `retry`. */
export const RESOLVE_DEADLINE_MS = 2_000;

/** Look-ups of named schemas at once, and new ones per second and in a burst; beyond it `retry`. */
export const RESOLVE_FLIGHTS_MAX = 16;
export const RESOLVE_PER_SECOND = 20;
export const RESOLVE_BURST = 50;

/** How long "the registry cannot tell" holds for a named schema. */
export const RESOLVE_UNAVAILABLE_MS = 1_000;

/** Newest versions of a subject that are searched for an id or a fingerprint. */
export const RESOLVE_VERSIONS_MAX = 50;

/** The file that holds the last good schemas; a larger one is not read. */
export const SNAPSHOT_BYTES_MAX = 64 * 1024 * 1024;

/** Parsed schemas `tail` keeps. */
export const DECODE_SCHEMAS_MAX = 1_000;

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

/**
 * Streams `sluice/consumer` remembers unless told otherwise, about 500 bytes each; beyond it the
 * one not heard of for longest goes.
 */
export const CONSUMER_STREAMS_MAX = 100_000;

/** Numbers it remembers of each: twice what may be unanswered and so be sent again. */
export const CONSUMER_WINDOW_SEQS = 2_048;

/** Lines of JSON that `encode` hands to the codec at once. */
export const ENCODE_BATCH_LINES_MAX = FRAME_EVENTS_MAX;

/** A tenants file or a salt file beside it; a larger one is refused. */
export const TENANTS_FILE_BYTES_MAX = 16 * 1024 * 1024;

/** How often the tenants file is looked at. */
export const TENANTS_WATCH_MS = 1_000;

/** Sentences about one unsound tenants file. */
export const TENANT_FAULTS_MAX = 50;

/** Tokens that were found good, kept until they end; the one not used for longest is forgotten. */
export const TOKENS_KEPT_MAX = 10_000;

/** Tokens that were refused, and how long they are refused without another look. */
export const TOKENS_REFUSED_MAX = 1_000;
export const TOKEN_REFUSED_MS = 10_000;

/** What the clocks of an issuer and of this machine may differ by (RFC 7519 §4.1.4). */
export const TOKEN_SKEW_SECONDS = 30;

/** Characters of a token's key id, and scopes that one token may bring. */
export const TOKEN_KEY_ID_MAX = 256;
export const TOKEN_SCOPES_MAX = 200;

/** One answer of an issuer (discovery or keys); a longer one is refused. */
export const ISSUER_ANSWER_BYTES_MAX = 256 * 1024;
export const ISSUER_TIMEOUT_MS = 3_000;

/**
 * An issuer's keys are fetched at most so often because they are old, and at most so often because
 * tokens name unknown ones, however many do.
 */
export const ISSUER_COOLDOWN_MS = 30_000;

/**
 * Keys older than this are fetched anew; while their issuer is away they serve on, but not longer.
 */
export const ISSUER_KEYS_AGE_MS = 10 * 60_000;
export const ISSUER_KEYS_STALE_MS = 24 * 3_600_000;

/** A ticket opens one connection within this time. */
export const TICKET_TTL_MS = 30_000;
export const TICKET_BYTES_MAX = 4 * 1024;

/** Used tickets that one process remembers; beyond it tickets are refused. */
export const TICKETS_USED_MAX = 100_000;

/** How often the files of the certificate are looked at. */
export const CERTIFICATE_WATCH_MS = 5_000;

/** Certificates of clients whose names one process remembers. */
export const CERTIFICATES_KEPT_MAX = 10_000;

/** Addresses of clients that one process remembers; the one not seen for longest is forgotten. */
export const CALLERS_MAX = 100_000;

/**
 * How many of the oldest are looked at to find one without connections: a bounded piece of work.
 */
export const CALLERS_LOOKED_AT_MAX = 16;

/** WebSockets of one address: an office or a mobile network may stand behind it. */
export const ADDRESS_CONNECTIONS_MAX = 1_000;
export const ADDRESS_HANDSHAKES_PER_SECOND = 50;
export const ADDRESS_AUTH_FAILURES_PER_MINUTE = 60;

/** From this share of its time on the event loop counts as busy, percent. */
export const SHED_UTILIZATION_PERCENT = 95;

/** Of what is left from there to the whole; beyond it normal traffic may be shed too. */
export const SHED_NORMAL_PART = 0.6;

/** Answers that take so long are late: HTTP answers after four seconds at the latest. */
export const SHED_DELAY_MS = 1_500;

/** Between two looks at the load. */
export const SHED_LOOK_MS = 500;

/** Load has to have been lower for so long before less is shed. */
export const SHED_CALM_MS = 3_000;

/** Seconds of its rate that a sender may send at once after a pause. */
export const QUOTA_BURST_SECONDS = 2;

/** Quotas of tenants and sources that are kept; full ones are forgotten first. */
export const QUOTA_BUCKETS_MAX = 100_000;

/** How often processes tell one another what they need of the quotas they share. */
export const QUOTA_LEASE_MS = 1_000;

/** What a process needed counts so long. */
export const QUOTA_LEASE_STALE_MS = 5_000;
export const QUOTA_LEASE_DEADLINE_MS = 500;

/** Quotas that one process tells the others about in one renewal. */
export const QUOTA_LEASE_KEYS_MAX = 5_000;

/** Refused events and batches that the console shows; about 300 bytes each. */
export const RECENT_REFUSALS_MAX = 100;
export const RECENT_BATCHES_MAX = 60;

/** Five minutes of the numbers that the console draws, a kilobyte each. */
export const CONSOLE_HISTORY_EVERY_MS = 2_000;
export const CONSOLE_HISTORY_MAX = 150;

/** Workers are waited for so long when the primary shows somebody what they know. */
export const WORKER_ASK_MS = 500;

/** Of processes that see the same edit of the tenants file one notes it; all see it by then, ms. */
export const AUDIT_CLAIM_MS = 600_000;

/** One who looks at events through a worker waits so long for it; so many may at once. */
export const CONSOLE_LOOK_MS = 2_000;
export const CONSOLE_LOOKS_MAX = 16;

/** What the canary waits for: Kafka's word, the record itself, and an answer about a topic. */
export const CANARY_STORED_MS_MAX = 30_000;
export const CANARY_SEEN_MS_MAX = 10_000;
export const CANARY_ASK_MS = 5_000;

/** Between two looks for the record, and what is fetched ahead meanwhile. */
export const CANARY_LOOK_MS = 20;
export const CANARY_QUEUE_KIB = 1_024;

/** Batches are noted for so long after somebody looked at the console. */
export const RECENT_WATCH_MS = 10_000;

/** Tenants with metrics of their own, a few series each; all others are counted as one. */
export const TENANT_SERIES_MAX = 100;

/** Spans that wait for the collector, about 1 KiB each; further batches are not traced. */
export const TRACE_SPANS_MAX = 4_096;
export const TRACE_SPANS_EXPORTED_MAX = 512;

/** Spans are gathered for so long, and the collector may take so long to take them. */
export const TRACE_EXPORT_MS = 2_000;
export const TRACE_EXPORT_TIMEOUT_MS = 5_000;

/** The drain waits so long for the last spans: they are worth less than leaving in time. */
export const TRACE_STOP_DEADLINE_MS = 2_000;

/** Subscribers of the live feed in one process; one more is refused with 1013 or 503. */
export const LIVE_SUBSCRIBERS_MAX = 10_000;

/** Share of a process's time that the live feed may take, percent; then it waits. */
export const LIVE_CPU_PERCENT = 30;

/** What was stored so long ago, seconds, has been told by its feed, or it is left out as a gap. */
export const LIVE_LATEST_SECONDS = 30;

/** The live feed gives the event loop back after so many milliseconds of its own work. */
export const LIVE_SLICE_MS = 4;

/** What is told in one go, bytes of frames: one write for each subscriber, whatever is in it. */
export const LIVE_SLICE_BYTES = 64 * 1024;

/**
 * Subscribers that are told it in one turn of the event loop; the others have turns of their own. A
 * write takes some 3 to 10 µs, one of 64 KiB some 25: so others wait for some milliseconds.
 */
export const LIVE_SHARD_SUBSCRIBERS = 250;

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

assert(FRAME_BYTES_MAX < FRAME_BYTES_HARD_MAX, "our answer to a long frame comes before uWS cuts");
assert(FRAME_EVENTS_MAX <= TABLE_ROWS_MAX, "a full frame fits the record table");
assert(MESSAGE_TIMEOUT_MS < COMMIT_DEADLINE_MS, "a commit outlives its records");
assert(COMMIT_DEADLINE_MS < STREAM_DEADLINE_MS, "a stream's deadline outlives the commit");
assert(
  GATHER_WAIT_MS + MESSAGE_TIMEOUT_MS <= STREAM_DEADLINE_MS,
  "a record that waited and then timed out is still judged within a stream's deadline",
);
assert(
  2 * STREAM_INFLIGHT_EVENTS_MAX <= CONSUMER_WINDOW_SEQS,
  "a consumer remembers whatever a stream may send again",
);
assert(RECORD_BYTES_MAX + RECORD_OVERHEAD_BYTES <= KAFKA_MESSAGE_BYTES_MAX, "Kafka takes records");
assert(RECORD_BYTES_MAX + KEY_BYTES_MAX <= SEGMENT_BYTES, "a record with its key fits a segment");
assert(SESSION_STOP_DEADLINE_MS < DRAIN_DEADLINE_MS, "sessions are written before the drain ends");
assert(STREAM_STOP_DEADLINE_MS < DRAIN_DEADLINE_MS, "streams are written before the drain ends");
assert(
  STREAM_HEARTBEAT_MS + STREAM_STORE_DEADLINE_MS < STREAM_HEARTBEAT_TTL_MS,
  "one lost heartbeat does not make a process dead",
);
