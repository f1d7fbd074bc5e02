/** Bounds of what is kept to be looked at: console, canary, metrics of tenants, traces. */

/** Refused events and batches that the console shows; about 300 bytes each. */
export const RECENT_REFUSALS_MAX = 100;
export const RECENT_BATCHES_MAX = 60;

/** Five minutes of the numbers that the console draws, a kilobyte each. */
export const CONSOLE_HISTORY_EVERY_MS = 2_000;
export const CONSOLE_HISTORY_MAX = 150;

/** Workers are waited for so long when the primary shows somebody what they know. */
export const WORKER_ASK_MS = 500;

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
