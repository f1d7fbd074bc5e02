/** Views of the module's record table; made anew when the memory has grown. */
import type { RecordTable } from "../records.ts";
import {
  COLUMN_ACTOR_END,
  COLUMN_ACTOR_START,
  COLUMN_EVENT_END,
  COLUMN_EVENT_START,
  COLUMN_FAULT_AT,
  COLUMN_FAULT_FIELD,
  COLUMN_FAULT_NODE,
  COLUMN_HEADER_END,
  COLUMN_HEADER_START,
  COLUMN_ID_END,
  COLUMN_ID_START,
  COLUMN_IGNORED,
  COLUMN_KEY_END,
  COLUMN_KEY_HASH,
  COLUMN_KEY_START,
  COLUMN_KIND,
  COLUMN_ROUTE,
  COLUMN_SCHEMA_END,
  COLUMN_SCHEMA_START,
  COLUMN_SESSION_END,
  COLUMN_SESSION_START,
  COLUMN_STATUS,
  COLUMN_TIME,
  COLUMN_VALUE_END,
  COLUMN_VALUE_START,
  TABLE_ROWS,
} from "./abi.gen.ts";

/** The record table with the columns that only `describe` reads. */
export class Table implements RecordTable {
  count = 0;
  readonly memory: Uint8Array;
  readonly status: Uint8Array;
  readonly kind: Uint8Array;
  readonly route: Int32Array;
  readonly eventStart: Uint32Array;
  readonly eventEnd: Uint32Array;
  readonly valueStart: Uint32Array;
  readonly valueEnd: Uint32Array;
  readonly headerStart: Uint32Array;
  readonly headerEnd: Uint32Array;
  readonly keyStart: Uint32Array;
  readonly keyEnd: Uint32Array;
  readonly keyHash: Uint32Array;
  readonly idStart: Uint32Array;
  readonly idEnd: Uint32Array;
  readonly actorStart: Uint32Array;
  readonly actorEnd: Uint32Array;
  readonly sessionStart: Uint32Array;
  readonly sessionEnd: Uint32Array;
  readonly schemaStart: Uint32Array;
  readonly schemaEnd: Uint32Array;
  readonly timeMs: Float64Array;
  readonly ignored: Uint32Array;
  /** Address of the byte that does not fit. */
  readonly faultAt: Uint32Array;
  /** Address of the plan's node that refused, or one of abi.ts's NODE_ numbers. */
  readonly faultNode: Uint32Array;
  /** Number of the missing field. */
  readonly faultField: Uint32Array;

  constructor(memory: Uint8Array) {
    const words = (column: number): Uint32Array =>
      new Uint32Array(memory.buffer, column, TABLE_ROWS);
    this.memory = memory;
    this.status = new Uint8Array(memory.buffer, COLUMN_STATUS, TABLE_ROWS);
    this.kind = new Uint8Array(memory.buffer, COLUMN_KIND, TABLE_ROWS);
    this.route = new Int32Array(memory.buffer, COLUMN_ROUTE, TABLE_ROWS);
    this.eventStart = words(COLUMN_EVENT_START);
    this.eventEnd = words(COLUMN_EVENT_END);
    this.valueStart = words(COLUMN_VALUE_START);
    this.valueEnd = words(COLUMN_VALUE_END);
    this.headerStart = words(COLUMN_HEADER_START);
    this.headerEnd = words(COLUMN_HEADER_END);
    this.keyStart = words(COLUMN_KEY_START);
    this.keyEnd = words(COLUMN_KEY_END);
    this.keyHash = words(COLUMN_KEY_HASH);
    this.idStart = words(COLUMN_ID_START);
    this.idEnd = words(COLUMN_ID_END);
    this.actorStart = words(COLUMN_ACTOR_START);
    this.actorEnd = words(COLUMN_ACTOR_END);
    this.sessionStart = words(COLUMN_SESSION_START);
    this.sessionEnd = words(COLUMN_SESSION_END);
    this.schemaStart = words(COLUMN_SCHEMA_START);
    this.schemaEnd = words(COLUMN_SCHEMA_END);
    this.timeMs = new Float64Array(memory.buffer, COLUMN_TIME, TABLE_ROWS);
    this.ignored = words(COLUMN_IGNORED);
    this.faultAt = words(COLUMN_FAULT_AT);
    this.faultNode = words(COLUMN_FAULT_NODE);
    this.faultField = words(COLUMN_FAULT_FIELD);
  }
}
