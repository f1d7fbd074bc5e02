/**
 * The one page both sides of the WASM border share: addresses, offsets, numbers. The host's copy,
 * src/codec/abi.gen.ts, is generated from this file (scripts/gen-abi.mjs) and compared by a test.
 *
 * Ownership. The host writes PARAMS, INPUT, ROUTES and PLANS, always between calls; the module
 * writes RESULT, TABLE, SLOTS, STACK, SCRATCH, ARENA, ORIGINALS, and, inside plans, only the words
 * called "guess". Nothing is allocated during a call. INPUT is followed by INPUT_PADDING zero
 * bytes, which cannot continue any JSON token, so vector loads may overrun and scanning loops end
 * there.
 *
 * ```
 * 0x010000 PARAMS   0x010800 RESULT   0x011000 POWERS   0x014000 SLOTS   0x015000 TEXT
 * 0x020000 TABLE (columns)   0x080000 ROUTES (entries)   0x0b0000 ROUTE_SLOTS (hash)
 * 0x0c0000 then, at addresses the host chooses (PARAMS):
 *          INPUT SCRATCH STACK ARENA ORIGINALS PLANS
 * ```
 */

/** Bytes behind the input that the module may read. */
export const INPUT_PADDING: u32 = 128;
/** Bytes behind the end of every region the module writes by vectors. */
export const WRITE_SLACK: u32 = 256;

export const PARAMS: usize = 0x010000;
export const RESULT: usize = 0x010800;
export const POWERS: usize = 0x011000;
export const SLOTS: usize = 0x014000;
export const TEXT: usize = 0x015000;
export const TEXT_BYTES: u32 = 0x00a000;
export const TABLE: usize = 0x020000;
export const ROUTES: usize = 0x080000;
export const ROUTE_SLOTS: usize = 0x0b0000;
export const REGIONS: usize = 0x0c0000;

// PARAMS: regions (written once), then one frame's context.
export const PARAM_INPUT: u32 = 0;
export const PARAM_SCRATCH: u32 = 4;
export const PARAM_STACK: u32 = 8;
export const PARAM_STACK_END: u32 = 12;
export const PARAM_ARENA: u32 = 16;
export const PARAM_ARENA_END: u32 = 20;
export const PARAM_RECORD_BYTES_MAX: u32 = 24;
export const PARAM_ID_BYTES_MAX: u32 = 28;
export const PARAM_KEY_BYTES_MAX: u32 = 32;
export const PARAM_SCRATCH_END: u32 = 36;
export const PARAM_SEED: u32 = 40;
export const PARAM_SHAPE: u32 = 48;
export const PARAM_PAYLOAD: u32 = 52;
export const PARAM_EVENTS_MAX: u32 = 56;
export const PARAM_EVENT_BYTES_MAX: u32 = 60;
export const PARAM_FLAGS: u32 = 64;
export const PARAM_EPOCH: u32 = 68;
export const PARAM_RECEIVED_AT: u32 = 72;
export const PARAM_STREAM: u32 = 80;
export const PARAM_ORIGIN: u32 = 96;
export const PARAM_ORIGIN_BYTES: u32 = 100;
export const PARAM_DEFAULT_TYPE: u32 = 104;
export const PARAM_DEFAULT_TYPE_BYTES: u32 = 108;
export const PARAM_TYPE_MEMBER: u32 = 112;
export const PARAM_TYPE_MEMBER_BYTES: u32 = 116;
export const PARAM_ROUTE_MASK: u32 = 120;
/** Events whose bit is set here trapped before: they get status `fault` untouched. */
export const PARAM_POISON: u32 = 128;
/** TOKEN_BYTES secret random bytes, set once: what no client can put into a record. */
export const PARAM_TOKEN: u32 = 448;
export const PARAM_ORIGINALS: u32 = 464;
export const PARAM_ORIGINALS_END: u32 = 468;
/** The frame's dialect; 0: the native one. */
export const PARAM_DIALECT: u32 = 472;
/** Room for the texts of events with merged members. */
export const PARAM_MERGED: u32 = 476;
export const PARAM_MERGED_END: u32 = 480;
/** JSON text of the host's own values to merge; 0 bytes: none. */
export const PARAM_HOST_TEXT: u32 = 484;
export const PARAM_HOST_BYTES: u32 = 488;

export const SHAPE_JSON: u32 = 0;
export const SHAPE_NDJSON: u32 = 1;
export const SHAPE_PUB: u32 = 2;
export const PAYLOAD_DATA: u32 = 0;
export const PAYLOAD_WHOLE: u32 = 1;

/**
 * A dialect, at an address the host chooses. Its pointers stand where a plan has its own, so that
 * whoever reads a plan's pointers can read these, with four kinds more; the slots of their first
 * steps follow one that holds the event itself.
 */
export const DIALECT_FLAGS: u32 = 12;
/** Arrays that hold the events: their names. */
export const DIALECT_EVENTS: u32 = 16;
export const DIALECT_EVENT_COUNT: u32 = 20;
export const DIALECT_SENT_AT: u32 = 24;
export const DIALECT_SENT_AT_BYTES: u32 = 28;
export const DIALECT_NAMES: u32 = 32;
export const DIALECT_NAME_COUNT: u32 = 36;
export const DIALECT_MERGES: u32 = 40;
export const DIALECT_MERGE_COUNT: u32 = 44;
/** Steps from the event to its record. */
export const DIALECT_DEPTH: u32 = 48;
export const DIALECT_BYTES: u32 = 64;
/** It says where the events and their members are; without, the native envelope holds. */
export const DIALECT_FLAG_OWN: u32 = 1;
export const DIALECT_SLOTS: usize = 0x014800;
export const POINTER_KIND_TYPE: u32 = 5;
export const POINTER_KIND_DETAIL: u32 = 6;
export const POINTER_KIND_SCHEMA: u32 = 7;
export const POINTER_KIND_DATA: u32 = 8;
/**
 * A merged member: of the frame (0 bytes: none), below the event's `own`, below the one at `into`.
 */
export const MERGES_MAX: u32 = 4;
export const MERGE_BYTES: u32 = 64;
export const MERGE_FROM: u32 = 0;
export const MERGE_FROM_BYTES: u32 = 4;
export const MERGE_OWN: u32 = 8;
export const MERGE_OWN_BYTES: u32 = 12;
/** 1: the host's values are at the very bottom. */
export const MERGE_HOST: u32 = 16;
/** One or two steps. */
export const MERGE_STEPS: u32 = 20;
export const MERGE_STEP: u32 = 24;
export const MERGE_STEP_BYTES: u32 = 28;
export const MERGE_LAST: u32 = 32;
export const MERGE_LAST_BYTES: u32 = 36;
/** The last step as it is written in front of a value: `"name":`. */
export const MERGE_LABEL: u32 = 40;
export const MERGE_LABEL_BYTES: u32 = 44;
/** What a frame may merge into each of its events: the host's and its own members together. */
export const MERGED_BYTES_MAX: u32 = 8192;

// RESULT
export const RESULT_ROWS: u32 = 0;
export const RESULT_PROBLEM: u32 = 4;
export const RESULT_OFFSET: u32 = 8;
export const RESULT_DETAIL: u32 = 12;
/** Number of the event being worked on; after a trap it names the culprit. */
export const RESULT_CURRENT: u32 = 16;
export const RESULT_OUT: u32 = 20;
export const RESULT_SEQ: u32 = 24;
export const RESULT_SENT_AT: u32 = 32;
export const RESULT_T_START: u32 = 40;
export const RESULT_T_END: u32 = 44;
/** Where the entries of ORIGINALS end. */
export const RESULT_ORIGINALS_END: u32 = 48;

export const PROBLEM_NONE: u32 = 0;
export const PROBLEM_EMPTY: u32 = 1;
export const PROBLEM_BAD_JSON: u32 = 2;
export const PROBLEM_TOO_MANY: u32 = 3;
export const PROBLEM_BAD_FRAME: u32 = 4;
export const PROBLEM_CONTROL: u32 = 5;
export const PROBLEM_TOO_LARGE: u32 = 6;

export const DETAIL_NONE: u32 = 0;
export const DETAIL_NOT_OBJECT: u32 = 1;
export const DETAIL_NO_T: u32 = 2;
export const DETAIL_NO_EVENTS: u32 = 3;
export const DETAIL_EVENTS_NOT_ARRAY: u32 = 4;
export const DETAIL_EVENTS_TWICE: u32 = 5;
export const DETAIL_SEQ: u32 = 6;
export const DETAIL_MEMBER_TWICE: u32 = 7;
export const DETAIL_UTF8: u32 = 9;
export const DETAIL_DEPTH: u32 = 10;

// TABLE: one column after the other, TABLE_ROWS rows each.
export const TABLE_ROWS: u32 = 2560;
export const COLUMN_TIME: usize = 0x020000;
export const COLUMN_STATUS: usize = 0x025000;
export const COLUMN_KIND: usize = 0x025a00;
export const COLUMN_ROUTE: usize = 0x026400;
export const COLUMN_EVENT_START: usize = 0x028c00;
export const COLUMN_EVENT_END: usize = 0x02b400;
export const COLUMN_VALUE_START: usize = 0x02dc00;
export const COLUMN_VALUE_END: usize = 0x030400;
export const COLUMN_HEADER_START: usize = 0x032c00;
export const COLUMN_HEADER_END: usize = 0x035400;
export const COLUMN_KEY_START: usize = 0x037c00;
export const COLUMN_KEY_END: usize = 0x03a400;
export const COLUMN_KEY_HASH: usize = 0x03cc00;
export const COLUMN_ID_START: usize = 0x03f400;
export const COLUMN_ID_END: usize = 0x041c00;
export const COLUMN_ACTOR_START: usize = 0x044400;
export const COLUMN_ACTOR_END: usize = 0x046c00;
export const COLUMN_SESSION_START: usize = 0x049400;
export const COLUMN_SESSION_END: usize = 0x04bc00;
export const COLUMN_SCHEMA_START: usize = 0x04e400;
export const COLUMN_SCHEMA_END: usize = 0x050c00;
export const COLUMN_IGNORED: usize = 0x053400;
export const COLUMN_FAULT_AT: usize = 0x055c00;
export const COLUMN_FAULT_NODE: usize = 0x058400;
export const COLUMN_FAULT_FIELD: usize = 0x05ac00;
export const COLUMN_EXTRA: usize = 0x05d400;

// Row statuses (src/records.ts, ROW_STATUS).
export const STATUS_ENCODED: u32 = 0;
export const STATUS_INVALID: u32 = 1;
export const STATUS_TYPE_UNKNOWN: u32 = 2;
export const STATUS_TOO_LARGE: u32 = 3;
export const STATUS_BAD_ID: u32 = 4;
export const STATUS_BAD_TIME: u32 = 5;
export const STATUS_KEY_MISSING: u32 = 6;
export const STATUS_SCHEMA_NEEDED: u32 = 7;
export const STATUS_FAULT: u32 = 8;

// Fault kinds (src/errors.ts, FAULT_KINDS).
export const FAULT_NONE: u32 = 0;
export const FAULT_SYNTAX: u32 = 1;
export const FAULT_UTF8: u32 = 2;
export const FAULT_DEPTH: u32 = 3;
export const FAULT_TYPE: u32 = 4;
export const FAULT_RANGE: u32 = 5;
export const FAULT_FORMAT: u32 = 6;
export const FAULT_LENGTH: u32 = 7;
export const FAULT_ENUM: u32 = 8;
export const FAULT_UNION: u32 = 9;
export const FAULT_MISSING: u32 = 10;
export const FAULT_DUPLICATE: u32 = 11;
export const FAULT_TOO_LARGE: u32 = 13;

/** Values of COLUMN_FAULT_NODE that are no plan node: members of the envelope. */
export const NODE_EVENT: u32 = 1;
export const NODE_DATA: u32 = 2;
export const NODE_KEY: u32 = 3;
export const NODE_KEY_BYTES: u32 = 4;
export const NODE_SCHEMA: u32 = 6;

/**
 * ORIGINALS: values to be written as keyed hashes, one entry behind the other, each padded to 16
 * bytes. In the record stand the token and the entry's offset into ORIGINALS, zeros behind, as long
 * as the digest; the host finds them and writes the digest there.
 */
export const TOKEN_BYTES: u32 = 16;
export const ORIGINAL_ROW: u32 = 0;
export const ORIGINAL_ACTION: u32 = 4;
export const ORIGINAL_LENGTH: u32 = 8;
export const ORIGINAL_TEXT: u32 = 16;
/** More in one event are `too_large`: it bounds the host's work for a frame. */
export const ORIGINALS_PER_EVENT_MAX: u32 = 64;
export const DIGEST_BYTES: u32 = 32;
export const DIGEST_HEX_BYTES: u32 = 64;

// Route entry
export const ROUTES_MAX: u32 = 4096;
export const ROUTE_BYTES: u32 = 48;
export const ROUTE_TYPE: u32 = 0;
export const ROUTE_TYPE_BYTES: u32 = 4;
export const ROUTE_REF: u32 = 8;
export const ROUTE_REF_BYTES: u32 = 12;
export const ROUTE_PLAN: u32 = 16;
export const ROUTE_SCHEMA_ID: u32 = 20;
export const ROUTE_FLAGS: u32 = 24;
export const ROUTE_HASH: u32 = 28;
export const ROUTE_INDEX: u32 = 32;
export const ROUTE_FLAG_HEADER: u32 = 1;
export const ROUTE_FLAG_KEY_REQUIRED: u32 = 2;

// Plan header
export const PLAN_ROOT: u32 = 0;
export const PLAN_POINTERS: u32 = 4;
export const PLAN_SLOTS: u32 = 8;
export const PLAN_BYTES: u32 = 32;
// Pointer table: five kinds in this order, each a count and POINTERS_MAX entries.
export const POINTERS_MAX: u32 = 4;
export const POINTER_KIND_ID: u32 = 0;
export const POINTER_KIND_KEY: u32 = 1;
export const POINTER_KIND_TIME: u32 = 2;
export const POINTER_KIND_ACTOR: u32 = 3;
export const POINTER_KIND_SESSION: u32 = 4;
export const POINTER_KIND_BYTES: u32 = 56;
export const POINTER_COUNT: u32 = 0;
export const POINTER_ENTRIES: u32 = 8;
export const POINTER_BYTES: u32 = 12;
export const POINTER_SLOT: u32 = 0;
/** Integers per millisecond, where the field counts micro- or nanoseconds. */
export const POINTER_UNIT: u32 = 4;
/** Remaining steps: a count, then for each a name's address and length. */
export const POINTER_STEPS: u32 = 8;

// Plan nodes: byte 0 is the kind, byte 1 holds flags.
export const NODE_FLAGS: u32 = 1;
export const KIND_NULL: u32 = 0;
export const KIND_BOOLEAN: u32 = 1;
export const KIND_INT: u32 = 2;
export const KIND_LONG: u32 = 3;
export const KIND_FLOAT: u32 = 4;
export const KIND_DOUBLE: u32 = 5;
export const KIND_STRING: u32 = 6;
export const KIND_BYTES: u32 = 7;
export const KIND_FIXED: u32 = 8;
export const KIND_ENUM: u32 = 9;
export const KIND_ARRAY: u32 = 10;
export const KIND_MAP: u32 = 11;
export const KIND_RECORD: u32 = 12;
export const KIND_UNION: u32 = 13;
export const KIND_NULLABLE: u32 = 14;
export const KIND_TAGGED: u32 = 15;
export const KIND_MILLIS: u32 = 16;
export const KIND_MICROS: u32 = 17;
export const KIND_DATE: u32 = 18;
export const KIND_UUID: u32 = 19;
export const KIND_DECIMAL: u32 = 20;
export const KIND_DECIMAL_FIXED: u32 = 21;
export const KIND_JSON: u32 = 22;
export const KIND_PRIVATE: u32 = 23;
/** int, long and timestamps: `sluice.from: "decimal-string"`; bytes, fixed: `"base64"`. */
export const FLAG_FROM: u32 = 1;
/** Unions: a member name of some record branch is a branch name as well. */
export const FLAG_AMBIGUOUS: u32 = 4;
/** Records: no field is required. */
export const FLAG_LOOSE: u32 = 8;
export const NODE_BYTES: u32 = 16;

// fixed, decimal
export const FIXED_SIZE: u32 = 4;
export const DECIMAL_PRECISION: u32 = 8;
export const DECIMAL_SCALE: u32 = 12;
export const DECIMAL_PRECISION_MAX: u32 = 4096;
// Private: what is done with the value that PRIVATE_NODE has taken. drop: what is written instead.
export const PRIVATE_ACTION: u32 = 4;
export const PRIVATE_NODE: u32 = 8;
export const PRIVATE_INSTEAD: u32 = 12;
export const PRIVATE_INSTEAD_BYTES: u32 = 16;
export const PRIVATE_BYTES: u32 = 32;
export const ACTION_DROP: u32 = 0;
export const ACTION_MASK: u32 = 1;
export const ACTION_IP: u32 = 2;
export const ACTION_HMAC_STRING: u32 = 3;
export const ACTION_HMAC_BYTES: u32 = 4;
export const ACTION_HMAC_FIXED: u32 = 5;
/** The value is walked over; a hole for the host's value is copied (src/codec/fills.ts). */
export const ACTION_FILL: u32 = 6;
// array, map
export const ITEM_NODE: u32 = 4;

// Names (members of records, symbols, tags): a hash table of entries.
export const NAMES_SLOTS: u32 = 16;
export const NAMES_MASK: u32 = 20;
export const ENTRY_BYTES: u32 = 64;
export const ENTRY_NEEDLE: u32 = 0;
export const ENTRY_CARE: u32 = 16;
/** guess: entry that followed this one last time; a record node has its first member's there. */
export const ENTRY_NEXT: u32 = 32;
export const ENTRY_LENGTH: u32 = 36;
/** Record member: the value's node; tag: the branch; enum: unused. */
export const ENTRY_NODE: u32 = 44;
/** Field, MARKED_FIELD if a pointer wants it, NO_FIELD if only a pointer does; symbol: number. */
export const ENTRY_FIELD: u32 = 48;
/** Byte offset of the pointer's slot (16 bits), 0: no mark. */
export const ENTRY_SLOT: u32 = 52;
/** Record member: kind of the value's node, or of the other branch than null (8 bits). */
export const ENTRY_KIND: u32 = 54;
/** Record member: NULLABLE_VALUE if ENTRY_KIND is that of a branch, else NO_BRANCH (8 bits). */
export const ENTRY_BRANCH: u32 = 55;
export const ENTRY_HEAD: u32 = 56;
export const NO_FIELD: u32 = 0xffffffff;
export const MARKED_FIELD: u32 = 0x80000000;
export const NO_BRANCH: u32 = 0xff;

// Record node
export const RECORD_FIELDS: u32 = 4;
export const RECORD_TABLE: u32 = 8;
export const RECORD_FRAME_BYTES: u32 = 12;
export const RECORD_WORDS: u32 = 24;
export const RECORD_BYTES: u32 = 48;
/**
 * RECORD_TABLE: per field (and one behind) where its default starts, and how many required ones
 * come before.
 */
export const FIELD_BYTES: u32 = 8;
export const FIELD_DEFAULT: u32 = 0;
export const FIELD_REQUIRED: u32 = 4;
export const FIELDS_MAX: u32 = 4096;

// Nullable: null or one other branch.
export const NULLABLE_NULL: u32 = 2;
export const NULLABLE_VALUE: u32 = 3;
export const NULLABLE_NODE: u32 = 4;
export const NULLABLE_UNION: u32 = 8;

// Union node; branch lists by kind of JSON value: address and count.
/** The only branch besides null, if there is just one; else 0. */
export const UNION_ONLY: u32 = 8;
export const UNION_MAP: u32 = 12;
export const UNION_RECORDS: u32 = 24;
export const UNION_RECORD_COUNT: u32 = 28;
export const UNION_LISTS: u32 = 32;
export const UNION_BYTES: u32 = 96;
export const LIST_NULL: u32 = 0;
export const LIST_BOOLEAN: u32 = 8;
export const LIST_WHOLE: u32 = 16;
export const LIST_FRACTION: u32 = 24;
export const LIST_STRING: u32 = 32;
export const LIST_ARRAY: u32 = 40;
// Branch
export const BRANCH_BYTES: u32 = 16;
export const BRANCH_NODE: u32 = 0;
export const BRANCH_INDEX: u32 = 4;
