/**
 * Mends one fault of a refused event's text, so that the codec can be asked for the next one: puts
 * a value that fits in place of one that does not, adds what is missing, takes out what repeats. It
 * knows the plan, but none of the rules by which the codec judges.
 */
import { FAULT_KINDS } from "../errors.ts";
import { ROW_STATUS } from "../records.ts";
import type { AvroSchema } from "../schema/avro/schema.ts";
import { type JsonMode, tagOf } from "../schema/plan/kinds.ts";
import { pointerSteps } from "../schema/plan/pointers.ts";
import { NODE_DATA, NODE_EVENT, NODE_KEY, NODE_SCHEMA } from "./abi.gen.ts";
import type { Refusal } from "./describe.ts";
import { isWhite, valueEnd } from "./event-walk.ts";

/** A text with the place that is new in it. */
export interface Mended {
  readonly text: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Values within one another that a sample may need; a schema that needs more takes no value. */
const SAMPLE_DEPTH_MAX = 16;
/** Longer samples (a large fixed) are not worth their work. */
const SAMPLE_LENGTH_MAX = 64 * 1024;

const encoder = new TextEncoder();

/** The refusal's text without that fault; undefined where nothing can be put in its place. */
export function mend(refusal: Refusal): Mended | undefined {
  switch (refusal.status) {
    case ROW_STATUS.badId:
      return replaceValue(refusal, '"0"');
    case ROW_STATUS.badTime:
      return replaceValue(refusal, "null");
    case ROW_STATUS.invalid:
      return mendInvalid(refusal);
    default:
      return undefined;
  }
}

function mendInvalid(refusal: Refusal): Mended | undefined {
  switch (FAULT_KINDS[refusal.kind]) {
    case "missing":
      return addMember(refusal);
    case "duplicate":
      return removeMember(refusal);
    case "type":
    case "range":
    case "format":
    case "length":
    case "enum":
    case "union": {
      const sample = sampleFor(refusal);
      return sample === undefined ? undefined : replaceValue(refusal, sample);
    }
    default:
      return undefined;
  }
}

function splice(text: Uint8Array, place: { start: number; end: number }, insert: string): Mended {
  const bytes = encoder.encode(insert);
  const { start, end } = place;
  const mended = new Uint8Array(text.length - (end - start) + bytes.length);
  mended.set(text.subarray(0, start));
  mended.set(bytes, start);
  mended.set(text.subarray(end), start + bytes.length);
  return { text: mended, start, end: start + bytes.length };
}

function replaceValue({ text, at }: Refusal, sample: string): Mended {
  return splice(text, { start: at, end: valueEnd(text, at) }, sample);
}

/** `at`: the closing brace of the object that lacks a member. */
function addMember(refusal: Refusal): Mended | undefined {
  const { text, at, node, field, plan, dataPath } = refusal;
  const isData = node === NODE_DATA;
  const [dataMember = "", ...deeper] = pointerSteps(dataPath);
  if (plan === undefined || (isData && deeper.length > 0)) return undefined;
  const schema = plan.nodes.get(node)?.schema;
  const missing = schema?.kind === "record" ? schema.fields[field] : undefined;
  const type = isData ? plan.schema : missing?.schema;
  const sample = type && sampleText({ schema: type, from: missing?.from, json: plan.json });
  if (sample === undefined) return undefined;
  let before = at - 1;
  while (isWhite(text[before])) before -= 1;
  const comma = text[before] === 0x7b ? "" : ",";
  const name = JSON.stringify(isData ? dataMember : (missing?.name ?? ""));
  return splice(text, { start: at, end: at }, `${comma}${name}:${sample}`);
}

/** `at`: the name's quote of a member that came before, so a comma stands in front of it. */
function removeMember({ text, at }: Refusal): Mended {
  let start = at - 1;
  while (isWhite(text[start])) start -= 1;
  let value = valueEnd(text, at);
  while (text[value] === 0x3a || isWhite(text[value])) value += 1;
  return splice(text, { start, end: valueEnd(text, value) }, "");
}

function sampleFor({ node, plan }: Refusal): string | undefined {
  if (node === NODE_KEY || node === NODE_SCHEMA) return "null";
  if (node === NODE_EVENT || plan === undefined) return undefined;
  const found = plan.nodes.get(node);
  return found && sampleText({ schema: found.schema, from: found.from, json: plan.json });
}

interface Wanted {
  readonly schema: AvroSchema;
  readonly from: "base64" | "decimal-string" | "json" | undefined;
  readonly json: JsonMode;
}

/** JSON text of a value that fits; undefined where there is none of a reasonable size. */
export function sampleText(wanted: Wanted, depth = 0): string | undefined {
  const { schema, json } = wanted;
  if (depth > SAMPLE_DEPTH_MAX) return undefined;
  const isPlain = json === "plain";
  if (isPlain && "logical" in schema && schema.logical?.type === "decimal") return "0";
  switch (schema.kind) {
    case "null":
      return "null";
    case "boolean":
      return "false";
    case "string":
      if (schema.logical?.type === "uuid") return '"00000000-0000-0000-0000-000000000000"';
      // A string that is an address too, where the field wants one.
      return '"0.0.0.0"';
    case "bytes":
      return '""';
    case "fixed":
      return fixedText(schema.size, isPlain && wanted.from === "base64");
    case "enum":
      return JSON.stringify(schema.symbols[0]);
    case "array":
      return "[]";
    case "map":
      return "{}";
    case "record":
      return recordText(wanted, depth);
    case "union":
      return unionText(wanted, depth);
    default:
      return "0";
  }
}

function fixedText(size: number, isBase64: boolean): string | undefined {
  if (isBase64) {
    const text = "A".repeat(Math.ceil((Math.min(size, SAMPLE_LENGTH_MAX) * 8) / 6));
    return size > SAMPLE_LENGTH_MAX ? undefined : `"${text}"`;
  }
  return size > SAMPLE_LENGTH_MAX ? undefined : `"${"0".repeat(size)}"`;
}

function recordText({ schema, json }: Wanted, depth: number): string | undefined {
  if (schema.kind !== "record") return undefined;
  const members: string[] = [];
  for (const field of schema.fields) {
    const isNullable =
      field.schema.kind === "union" && field.schema.branches.some(({ kind }) => kind === "null");
    if (field.annotations["sluice.fill"] !== undefined) continue;
    if (json === "plain" && (field.defaultJson !== undefined || isNullable)) continue;
    const sample = sampleText({ schema: field.schema, from: field.from, json }, depth + 1);
    if (sample === undefined) return undefined;
    members.push(`${JSON.stringify(field.name)}:${sample}`);
  }
  const text = `{${members.join(",")}}`;
  return text.length > SAMPLE_LENGTH_MAX ? undefined : text;
}

/** Branches by how surely a sample finds its way to them. */
const BRANCH_ORDER: readonly AvroSchema["kind"][] = [
  "null",
  "boolean",
  "int",
  "long",
  "float",
  "double",
  "string",
  "enum",
  "bytes",
  "fixed",
  "array",
  "map",
  "record",
];

function unionText({ schema, from, json }: Wanted, depth: number): string | undefined {
  if (schema.kind !== "union") return undefined;
  const rank = ({ kind }: AvroSchema): number => BRANCH_ORDER.indexOf(kind);
  for (const branch of [...schema.branches].sort((a, b) => rank(a) - rank(b))) {
    const sample = sampleText({ schema: branch, from, json }, depth + 1);
    if (sample === undefined) continue;
    const isTagged = json === "avro" && branch.kind !== "null";
    return isTagged ? `{${JSON.stringify(tagOf(branch))}:${sample}}` : sample;
  }
  return undefined;
}
