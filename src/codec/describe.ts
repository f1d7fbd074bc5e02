/**
 * Why an event was refused, in words, from its text and the codec's numbers. Lazy: only when
 * someone reads it.
 */
import { DEPTH_MAX, ID_BYTES_MAX, KEY_BYTES_MAX } from "../limits/events.ts";
import { FAULT_KINDS, type Fault, type FaultKind, OUTCOME_RULES } from "../errors.ts";
import type { AvroSchema } from "../schema/avro/schema.ts";
import type { CompiledPlan, PlanNode } from "../schema/plan/compile.ts";
import { pointerSteps } from "../schema/plan/pointers.ts";
import { privateSteps } from "../schema/plan/privacy.ts";
import { NODE_DATA, NODE_EVENT, NODE_KEY, NODE_KEY_BYTES, NODE_SCHEMA } from "./abi.gen.ts";
import { describeShape, describeValue, escapeStep, pointerTo } from "./event-walk.ts";
import { ROW_STATUS, type RowStatus } from "../records.ts";

/** What the row says of a refused event. */
export interface Refusal {
  readonly status: RowStatus;
  readonly kind: number;
  /** The event's text. */
  readonly text: Uint8Array;
  /** The longest event and record that are taken. */
  readonly eventBytesMax: number;
  readonly recordBytesMax: number;
  /** Offset into the text of the byte that does not fit. */
  readonly at: number;
  /** Offset of the node into its plan, or one of abi.ts's NODE_ numbers. */
  readonly node: number;
  readonly field: number;
  readonly plan: CompiledPlan | undefined;
  /** The event's schema reference, where it names one that is not loaded. */
  readonly schemaReference: string;
  /** Pointer to the member of the event that holds its type. */
  readonly typePath: string;
  /** Pointer to the member of the event that is the record. */
  readonly dataPath: string;
  /** Pointer to the member of the event that names its schema. */
  readonly schemaPath: string;
  /** Steps from the event to its record. */
  readonly recordDepth: number;
  /** The text may hold private values, and it is too broken to know where. */
  readonly hidesBytes: boolean;
}

/** A short event may have a long record, by the defaults of its schema. */
function sizeDetail({ text, eventBytesMax, recordBytesMax }: Refusal): string {
  return text.length > eventBytesMax
    ? `${OUTCOME_RULES.too_large.text}: ${text.length} bytes of ${eventBytesMax}`
    : `the record of this event is too large: with the defaults of its schema it is over ` +
        `${recordBytesMax} bytes, or more than a frame has room for`;
}

/** The fault in the shape every door of sluice gives it. */
export function describeRefusal(refusal: Refusal): Fault {
  switch (refusal.status) {
    case ROW_STATUS.invalid:
      return describeInvalid(refusal);
    case ROW_STATUS.typeUnknown:
      return {
        code: "schema_unknown",
        kind: "unknown_type",
        path: refusal.typePath,
        detail: OUTCOME_RULES.schema_unknown.text,
      };
    case ROW_STATUS.schemaNeeded:
      return {
        code: "schema_unknown",
        kind: "unknown_type",
        path: refusal.schemaPath,
        detail: `the schema ${JSON.stringify(refusal.schemaReference)} is not loaded`,
      };
    case ROW_STATUS.tooLarge:
      return { code: "too_large", kind: "too_large", detail: sizeDetail(refusal) };
    case ROW_STATUS.badId:
      return placed(refusal, "bad_id", `a string of 1 to ${ID_BYTES_MAX} bytes`);
    case ROW_STATUS.badTime:
      return placed(
        refusal,
        "timestamp_out_of_range",
        "milliseconds since 1970 or an RFC 3339 time, between 1970 and 9999",
      );
    case ROW_STATUS.keyMissing:
      return { code: "key_missing", detail: OUTCOME_RULES.key_missing.text };
    default:
      return { code: "event_fault", detail: OUTCOME_RULES.event_fault.text };
  }
}

function placed(
  { text, at }: Refusal,
  code: "bad_id" | "timestamp_out_of_range",
  expected: string,
): Fault {
  const got = describeValue(text, at);
  return { code, path: pointerTo(text, at), expected, got, detail: sentence(expected, got) };
}

function sentence(expected: string, got: string): string {
  return `expected ${expected}, got ${got}`;
}

function describeInvalid(refusal: Refusal): Fault {
  // The number comes from the module, which knows no other kinds (abi.ts, FAULT_).
  const kind = FAULT_KINDS[refusal.kind] as FaultKind;
  const { text, at, hidesBytes } = refusal;
  switch (kind) {
    case "syntax":
      return whole(kind, `not JSON at byte ${at}${hidesBytes ? "" : describeByte(text, at)}`);
    case "utf8":
      return whole(kind, `ill-formed UTF-8 or a lone surrogate at byte ${at}`);
    case "depth":
      return whole(kind, `more than ${DEPTH_MAX} nested arrays and objects at byte ${at}`);
    case "missing":
      return describeMissing(refusal);
    case "duplicate": {
      const { path } = placeOf(refusal, pointerTo(text, at));
      const expected = "each member once";
      const got = "a member that repeats";
      return { code: "schema_invalid", kind, path, expected, got, detail: sentence(expected, got) };
    }
    default: {
      const { path, isPrivate } = placeOf(refusal, pointerTo(text, at));
      const expected = expectedAt(refusal);
      const got = isPrivate ? describeShape(text, at) : describeValue(text, at);
      return { code: "schema_invalid", kind, path, expected, got, detail: sentence(expected, got) };
    }
  }
}

/**
 * The path as it may be shown: it ends at a field with a privacy action, because names of members
 * below may be private too. What stands where such a field, or a value that holds one, should be is
 * private as well.
 */
function placeOf(
  { plan, node, recordDepth }: Refusal,
  path: string,
): { readonly path: string; readonly isPrivate: boolean } {
  if (plan?.isPrivate !== true) return { path, isPrivate: false };
  const steps = pointerSteps(path);
  const count = privateSteps(plan.schema, steps.slice(recordDepth));
  if (count > 0) {
    const shown = steps.slice(0, recordDepth + count);
    return { path: shown.map((step) => `/${escapeStep(step)}`).join(""), isPrivate: true };
  }
  const kind = plan.nodes.get(node)?.schema.kind;
  return { path, isPrivate: kind !== undefined && COMPLEX_KINDS.has(kind) };
}

const COMPLEX_KINDS: ReadonlySet<AvroSchema["kind"]> = new Set(["record", "array", "map", "union"]);

function whole(kind: FaultKind, detail: string): Fault {
  return { code: "schema_invalid", kind, path: "", detail };
}

function describeByte(text: Uint8Array, at: number): string {
  const byte = text[at];
  if (byte === undefined) return ": the text ends too early";
  const isPrintable = byte > 0x20 && byte < 0x7f;
  const shown = isPrintable
    ? String.fromCharCode(byte)
    : `\\x${byte.toString(16).padStart(2, "0")}`;
  return `: unexpected ${JSON.stringify(shown)}`;
}

function describeMissing(refusal: Refusal): Fault {
  const { text, at, node, field, plan, dataPath } = refusal;
  const owner = pointerTo(text, at);
  const schema = plan?.nodes.get(node)?.schema;
  const missing = schema?.kind === "record" ? schema.fields[field] : undefined;
  const path = node === NODE_DATA ? dataPath : `/${escapeStep(missing?.name ?? "")}`;
  const expected = missing === undefined ? "a value" : typeWords(missing.schema);
  return {
    code: "schema_invalid",
    kind: "missing",
    path: placeOf(refusal, owner + path).path,
    expected,
    got: "nothing",
    detail: sentence(expected, "nothing"),
  };
}

function expectedAt({ node, plan }: Refusal): string {
  switch (node) {
    case NODE_EVENT:
      return "an object";
    case NODE_KEY:
      return "a string or an integer";
    case NODE_KEY_BYTES:
      return `a key of at most ${KEY_BYTES_MAX} bytes`;
    case NODE_SCHEMA:
      return "a schema reference: a string or an integer";
    default: {
      const found = plan?.nodes.get(node);
      return found === undefined ? "another value" : nodeWords(found);
    }
  }
}

const FROM_WORDS = {
  base64: " as base64",
  "decimal-string": " (a number or a string of digits)",
  json: " (any JSON value)",
} as const;

function nodeWords({ schema, from, privacy }: PlanNode): string {
  if (privacy === "ip-truncate") return "an IP address";
  return (
    typeWords(schema) + (from === undefined || schema.kind === "union" ? "" : FROM_WORDS[from])
  );
}

/** An Avro type in words: `long`, `enum Color (RED, GREEN)`, `null or string`. */
export function typeWords(schema: AvroSchema): string {
  switch (schema.kind) {
    case "record":
      return `record ${schema.name}`;
    case "enum":
      return `enum ${schema.name} (${listWords(schema.symbols)})`;
    case "fixed":
      return schema.logical === undefined
        ? `fixed ${schema.name} of ${schema.size} bytes`
        : logicalWords(schema.logical, `fixed ${schema.name}`);
    case "array":
      return `array of ${shortWords(schema.items)}`;
    case "map":
      return `map of ${shortWords(schema.values)}`;
    case "union":
      return schema.branches.map(shortWords).join(" or ");
    default:
      return schema.logical === undefined ? schema.kind : logicalWords(schema.logical, schema.kind);
  }
}

function logicalWords(
  logical: NonNullable<Extract<AvroSchema, { readonly kind: "fixed" }>["logical"]>,
  base: string,
): string {
  if (logical.type !== "decimal") return `${base} (${logical.type})`;
  return `decimal of at most ${logical.precision} digits, ${logical.scale} behind the point`;
}

function shortWords(schema: AvroSchema): string {
  if ("name" in schema) return schema.name;
  return schema.kind === "array" || schema.kind === "map" || schema.kind === "union"
    ? schema.kind
    : typeWords(schema);
}

function listWords(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown}, … ${names.length - 10} more` : shown;
}
