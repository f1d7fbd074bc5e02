/**
 * Fields that the gateway fills (`sluice.fill`): which types may have which value, and what is
 * written where there is none. It knows nothing of the layout of plans, nor where values come from.
 */
import { TOKEN_BYTES } from "../../codec/abi.gen.ts";
import { ANNOTATION_VALUES } from "../avro/members.ts";
import type { AvroField, AvroSchema } from "../avro/schema.ts";
import { SchemaError } from "../avro/schema.ts";
import { defaultBytes, longBytes } from "./defaults.ts";

/** What the gateway writes. */
export type FillSource = (typeof ANNOTATION_VALUES)["sluice.fill"][number];

/** How the value is written: text, or a time in this unit. */
export type FillForm = "text" | "millis" | "micros" | "nanos";

export interface Fill {
  readonly source: FillSource;
  readonly form: FillForm;
  /** The number of the union's branch, where the type is a union. */
  readonly prefix: Uint8Array;
  /** The field where there is no value; absent: there always is one. */
  readonly instead?: Uint8Array;
}

/** A hole: the token, then the number of the fill. */
export const FILL_HOLE_BYTES = 32;

const TIMES: ReadonlySet<FillSource> = new Set(["received-at", "corrected-time"]);
/** An event may come without them. */
const MAY_LACK: ReadonlySet<FillSource> = new Set(["session", "ip", "user-agent"]);

/** What a field asks for, undefined for nothing. Throws SchemaError for what cannot be filled. */
function fillOf(field: AvroField, place: string): Fill | undefined {
  const text = field.annotations["sluice.fill"];
  if (text === undefined) return undefined;
  const source = ANNOTATION_VALUES["sluice.fill"].find((known) => known === text);
  if (source === undefined) return undefined;
  if (field.annotations["sluice.privacy"] !== undefined) {
    throw new SchemaError(`${place} has sluice.fill and sluice.privacy; it may have one`, place);
  }
  const form = formOf(valueBranch(field.schema), source);
  if (form === undefined) {
    const type = TIMES.has(source) ? "long (a timestamp or not)" : "string (without logical type)";
    throw new SchemaError(
      `sluice.fill "${source}" of ${place} needs the type ${type}, or a union of null and it`,
      place,
    );
  }
  const fill = { source, form, prefix: prefixOf(field.schema) };
  if (!MAY_LACK.has(source)) return fill;
  const instead = defaultBytes(field, place);
  if (instead !== undefined) return { ...fill, instead };
  const needs = "needs a default or a type with null";
  throw new SchemaError(`sluice.fill "${source}" of ${place} ${needs}`, place);
}

/** The fills of one plan, and where the holes for them stand. */
export class FillHoles {
  readonly fills: Fill[] = [];
  /** Offsets in the plan. */
  readonly offsets: number[] = [];
  readonly #numbers = new Map<AvroField, number>();

  /**
   * What stands in a record for the field, undefined if it is not filled: the token comes later.
   */
  holeOf(field: AvroField, place: string): Uint8Array | undefined {
    const known = this.#numbers.get(field);
    const fill = fillOf(field, place);
    if (fill === undefined) return undefined;
    const number = known ?? this.fills.push(fill) - 1;
    this.#numbers.set(field, number);
    const hole = new Uint8Array(FILL_HOLE_BYTES);
    new DataView(hole.buffer).setUint32(TOKEN_BYTES, number, true);
    return hole;
  }

  isFilled(field: AvroField | undefined): boolean {
    return field !== undefined && this.#numbers.has(field);
  }
}

/** The type itself, or the branch besides null of a union of two. */
function valueBranch(schema: AvroSchema): AvroSchema | undefined {
  if (schema.kind !== "union") return schema;
  const others = schema.branches.filter(({ kind }) => kind !== "null");
  return schema.branches.length === 2 && others.length === 1 ? others[0] : undefined;
}

function prefixOf(schema: AvroSchema): Uint8Array {
  if (schema.kind !== "union") return new Uint8Array(0);
  const index = schema.branches.findIndex(({ kind }) => kind !== "null");
  return Uint8Array.from(longBytes(BigInt(index)));
}

function formOf(schema: AvroSchema | undefined, source: FillSource): FillForm | undefined {
  if (!TIMES.has(source)) {
    return schema?.kind === "string" && schema.logical === undefined ? "text" : undefined;
  }
  if (schema?.kind !== "long") return undefined;
  const logical = schema.logical?.type ?? "";
  if (logical.endsWith("timestamp-micros")) return "micros";
  if (logical.endsWith("timestamp-nanos")) return "nanos";
  return logical === "" || logical.endsWith("timestamp-millis") ? "millis" : undefined;
}
