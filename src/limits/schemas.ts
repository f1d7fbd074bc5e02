/** Bounds of packs, registries, schemas that events name, and records that are read back. */
import { DEPTH_MAX } from "./events.ts";

/** The text of one Avro schema; a longer one is refused at load. */
export const SCHEMA_BYTES_MAX = 1024 * 1024;

/**
 * Nested arrays and objects in a schema's text: DEPTH_MAX records within records take four each.
 */
export const SCHEMA_DEPTH_MAX = 4 * DEPTH_MAX;

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
