/**
 * The record table: what the codec knows of each event of one frame, column by column. The codec
 * fills it (the columns are views of the WASM memory), the pipeline walks it, delivery copies the
 * records out. It is valid until the next `encode` call of the same codec; who needs something for
 * longer copies it.
 *
 * Addresses are offsets into `memory`; a span whose start equals its end is absent.
 */

/** What became of one event in the codec. */
export const ROW_STATUS = {
  /** value, header, key, id, time are there. */
  encoded: 0,
  /** Does not fit its schema (kind, faultAt say why): `schema_invalid`. */
  invalid: 1,
  /** No `type`, or none of the pack: `schema_unknown`. */
  typeUnknown: 2,
  /** The event's text or its record is over a limit: `too_large`. */
  tooLarge: 3,
  /** `bad_id`. */
  badId: 4,
  /** `timestamp_out_of_range`. */
  badTime: 5,
  /** `key_missing`. */
  keyMissing: 6,
  /** The event names a schema (column `schema`) that is not loaded for its type yet. */
  schemaNeeded: 7,
  /** The codec trapped on it: `event_fault`. */
  fault: 8,
} as const;

export type RowStatus = (typeof ROW_STATUS)[keyof typeof ROW_STATUS];

export interface RecordTable {
  /** The whole WASM memory; spans point into it. */
  readonly memory: Uint8Array;
  /** Rows in use. */
  readonly count: number;
  readonly status: Uint8Array;
  /** Number of the fault kind (errors.ts, FAULT_KINDS) where status is `invalid`, else 0. */
  readonly kind: Uint8Array;
  /** Route of the event's type: the index the host gave it with `setRoute`; −1: unknown. */
  readonly route: Int32Array;
  /** The event's text. */
  readonly eventStart: Uint32Array;
  readonly eventEnd: Uint32Array;
  /** Avro value with its 5-byte registry header (magic 0, schema id big-endian). */
  readonly valueStart: Uint32Array;
  readonly valueEnd: Uint32Array;
  /**
   * Value of the Kafka header `sluice` (docs/protocol.md §2.9), session length 0; absent if the
   * route has it off.
   */
  readonly headerStart: Uint32Array;
  readonly headerEnd: Uint32Array;
  /** Kafka key, UTF-8, decoded. */
  readonly keyStart: Uint32Array;
  readonly keyEnd: Uint32Array;
  /** murmur2 of the key as Java's DefaultPartitioner (sign bit cleared); 0 without a key. */
  readonly keyHash: Uint32Array;
  /** Event id, UTF-8, decoded. */
  readonly idStart: Uint32Array;
  readonly idEnd: Uint32Array;
  /** Who the session belongs to (anonymousId, deviceId, userId …), UTF-8, decoded. */
  readonly actorStart: Uint32Array;
  readonly actorEnd: Uint32Array;
  /** Session id the client sent, UTF-8, decoded. */
  readonly sessionStart: Uint32Array;
  readonly sessionEnd: Uint32Array;
  /** The `schema` member as sent, decoded (only where status is `schemaNeeded`). */
  readonly schemaStart: Uint32Array;
  readonly schemaEnd: Uint32Array;
  /**
   * Event time in ms since 1970, corrected by sentAt; the receive time where the event has none.
   */
  readonly timeMs: Float64Array;
  /** Unknown members that were ignored. */
  readonly ignored: Uint32Array;
}

/**
 * What has been said of an event. `open`: nothing yet; `ignored`: a repeat that is in flight
 * already.
 */
export const VERDICT = {
  open: 0,
  stored: 1,
  duplicate: 2,
  rejected: 3,
  retry: 4,
  ignored: 5,
} as const;

/** Bits of the flags byte (offset 1) of the `sluice` header (docs/protocol.md §2.9). */
export const HEADER_FLAG = {
  /** The record may have been stored before. */
  redelivery: 1,
  /** The event was sent once more long after, from its dead letter. */
  replay: 2,
  /** Another process may know this session under another id. */
  sessionProvisional: 8,
} as const;

/** Sets a flag in the header of a row's record, if it has one. */
export function setHeaderFlag(table: RecordTable, row: number, flag: number): void {
  const start = table.headerStart[row] ?? 0;
  if (start === (table.headerEnd[row] ?? 0)) return;
  table.memory[start + 1] = (table.memory[start + 1] ?? 0) | flag;
}
