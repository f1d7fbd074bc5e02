/** Bounds of the sink, which is a process of its own; as in src/limits/, with their reasons. */

/**
 * Records and their bytes that `sink` writes in one transaction: enough that a transaction costs
 * little for each, little enough to hold and to write within a second or two.
 */
export const SINK_BATCH_RECORDS_MAX = 5_000;
export const SINK_BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** Records `sink` takes from librdkafka at once. */
export const SINK_POLL_RECORDS_MAX = 500;

/** How long a write may take before the reading is paused, and polling goes on beside it. */
export const SINK_WRITE_PATIENCE_MS = 1_000;

/** A transaction that is not done by then is cut off: its connection may be a dead one. */
export const SINK_TRANSACTION_TIMEOUT_MS = 120_000;

/** One statement, its wait for locks included: who waits longer says so and tries again. */
export const SINK_STATEMENT_TIMEOUT_MS = 30_000;

/** For one try to reach PostgreSQL. */
export const SINK_CONNECT_TIMEOUT_MS = 10_000;

/** Ids of persons known to be in the database; beyond it they are looked up there again. */
export const SINK_PERSONS_REMEMBERED_MAX = 200_000;

/** Bytes of a person's id: an index of PostgreSQL holds no entry above a third of a page. */
export const PERSON_ID_BYTES_MAX = 1_024;
