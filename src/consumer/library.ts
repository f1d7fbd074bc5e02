/**
 * `sluice/consumer`, for programs that read the Avro topics: what the header of a record says, and
 * whether the record is the second of its event. No dependencies; Node.js 18 and later, browsers.
 */
export { Deduplicator, REASONS } from "./deduplicator.ts";
export type {
  ConsumedRecord,
  Decision,
  DeduplicatorOptions,
  DeduplicatorStats,
  Reason,
  Verdict,
} from "./deduplicator.ts";
export { headerOf, isCanary, parseHeader, RECORD_FLAGS, SLUICE_HEADER } from "./header.ts";
export type { RecordFlag, RecordHeaders, SluiceHeader } from "./header.ts";
export type { PartitionState } from "./partition-memory.ts";
