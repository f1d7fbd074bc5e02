/**
 * Dialects: what a façade says of its frames, as plain data, and the block of memory that the
 * module reads (assembly/abi.ts, DIALECT_). A new façade is a new descriptor; nothing here or in
 * the module knows any of them by name.
 */
import { assert } from "../lib/assert.ts";
import { POINTER_BYTES_MAX } from "../limits/schemas.ts";
import { pointerSteps, writeSteps } from "../schema/plan/pointers.ts";
import { PlanWriter } from "../schema/plan/writer.ts";
import {
  DIALECT_BYTES,
  DIALECT_DEPTH,
  DIALECT_EVENT_COUNT,
  DIALECT_EVENTS,
  DIALECT_FLAG_OWN,
  DIALECT_FLAGS,
  DIALECT_MERGE_COUNT,
  DIALECT_MERGES,
  DIALECT_NAME_COUNT,
  DIALECT_NAMES,
  DIALECT_SENT_AT,
  DIALECT_SENT_AT_BYTES,
  DIALECT_SLOTS,
  MERGE_BYTES,
  MERGE_FROM,
  MERGE_FROM_BYTES,
  MERGE_HOST,
  MERGE_LABEL,
  MERGE_LABEL_BYTES,
  MERGE_LAST,
  MERGE_LAST_BYTES,
  MERGE_OWN,
  MERGE_OWN_BYTES,
  MERGE_STEP,
  MERGE_STEP_BYTES,
  MERGE_STEPS,
  MERGES_MAX,
  PLAN_POINTERS,
  POINTER_BYTES,
  POINTER_COUNT,
  POINTER_ENTRIES,
  POINTER_KIND_BYTES,
  POINTER_SLOT,
  POINTER_STEPS,
  POINTER_UNIT,
  POINTERS_MAX,
  SLOTS,
} from "./abi.gen.ts";

/**
 * Where a frame's events are and what their members mean. Pointers are RFC 6901, through objects,
 * in order of preference: the first that is there and not null counts. At most 4 of a kind.
 */
export interface EventForm {
  /**
   * Members of the frame's object that may hold the events, as an array. An object with none of
   * them is one event; so is each item of a bare array, and each line of NDJSON.
   */
  readonly events: readonly string[];
  /** Member of the frame's object (or of a lone event) with the sender's clock at sending. */
  readonly sentAt?: string;
  /** Type of an event; none: the frame's `defaultType`, whatever the event says. */
  readonly type: readonly string[];
  /**
   * What may follow the type: with a detail `d`, an event of type `t` goes the route `t:d` if there
   * is one, else `t`.
   */
  readonly detail?: readonly string[];
  /** The event's member that is the record; absent: the whole event. */
  readonly data?: string;
  /** Reference to a schema, as `schema` of the native envelope. */
  readonly schema?: readonly string[];
  /** Where these find nothing, the route's own pointers into the record are asked. */
  readonly id?: readonly string[];
  readonly key?: readonly string[];
  readonly time?: readonly string[];
  readonly actor?: readonly string[];
  readonly session?: readonly string[];
}

/**
 * A member that events get from their frame. Two objects become one as by Object.assign, the
 * event's values before the frame's, those before the host's; of other values the event's counts,
 * if it is there and not null.
 */
export interface MergedMember {
  /** The frame's member. */
  readonly from?: string;
  /** The host's values (FrameContext, hostMembers) are below it. */
  readonly host?: boolean;
  /** A member of the event that is merged as well, before it reaches `into`. */
  readonly own?: string;
  /** Pointer into the event, of one or two steps; with two, the first has to be there. */
  readonly into: string;
}

export interface Dialect {
  /** Absent: the native envelope, or the whole event, as the frame's context says. */
  readonly form?: EventForm;
  /** At most 4. All they give to one event is at most 8 KiB. */
  readonly merge?: readonly MergedMember[];
}

/** Relocatable, as a plan is. */
export interface DialectBlock {
  readonly bytes: Uint8Array;
  readonly fixups: Uint32Array;
}

/** Members that may hold the events. */
const EVENTS_MAX = 4;
/** Members that pointers begin with: the slots there are, less one for the event itself. */
const NAMES_MAX = 63;
/** Entry of a list of names: address and length. */
const NAME_BYTES = 8;
const KINDS = 9;
/**
 * The native dialect where `ctx` reaches records: into their member `name`. One object for the life
 * of a gateway, because dialects are compared by identity.
 */
export function contextDialect(name: string, payload: "data" | "whole"): Dialect {
  const step = name.replaceAll("~", "~0").replaceAll("/", "~1");
  const into = payload === "data" ? `/data/${step}` : `/${step}`;
  return { merge: [{ from: "ctx", host: true, own: "ctx", into }] };
}

const NO_POINTERS: readonly string[] = [];
const encoder = new TextEncoder();

/** Throws AssertionError for a descriptor beyond its bounds: descriptors are code. */
export function compileDialect({ form, merge = [] }: Dialect): DialectBlock {
  const writer = new PlanWriter();
  const head = writer.reserve(DIALECT_BYTES, 16);
  writeForm(writer, head, form);
  assert(merge.length <= MERGES_MAX, "a dialect merges few members");
  const merges = writer.reserve(merge.length * MERGE_BYTES, 16);
  writer.address(head + DIALECT_MERGES, merges);
  writer.u32(head + DIALECT_MERGE_COUNT, merge.length);
  merge.forEach((member, index) => {
    writeMerge(writer, merges + index * MERGE_BYTES, member);
  });
  return writer.finish();
}

function writeText(
  writer: PlanWriter,
  place: { readonly at: number; readonly bytes: number },
  text: string,
): void {
  const bytes = encoder.encode(text);
  assert(bytes.length <= POINTER_BYTES_MAX, "names of members are short");
  writer.address(place.at, writer.bytes(bytes));
  writer.u32(place.bytes, bytes.length);
}

function writeList(writer: PlanWriter, names: readonly string[]): number {
  const list = writer.reserve(Math.max(1, names.length) * NAME_BYTES, 8);
  names.forEach((name, index) => {
    const at = list + index * NAME_BYTES;
    writeText(writer, { at, bytes: at + 4 }, name);
  });
  return list;
}

function writeForm(writer: PlanWriter, head: number, form: EventForm | undefined): void {
  if (form !== undefined) writer.u32(head + DIALECT_FLAGS, DIALECT_FLAG_OWN);
  const events = form?.events ?? [];
  assert(events.length <= EVENTS_MAX, "few members may hold the events");
  writer.address(head + DIALECT_EVENTS, writeList(writer, events));
  writer.u32(head + DIALECT_EVENT_COUNT, events.length);
  if (form?.sentAt !== undefined) {
    const place = { at: head + DIALECT_SENT_AT, bytes: head + DIALECT_SENT_AT_BYTES };
    writeText(writer, place, form.sentAt);
  }
  const kinds = kindsOf(form);
  const first = (pointer: string): string[] => pointerSteps(pointer).slice(0, 1);
  const names = [...new Set(kinds.flatMap((pointers) => pointers.flatMap(first)))];
  assert(names.length <= NAMES_MAX, "a dialect names few members");
  writer.address(head + DIALECT_NAMES, writeList(writer, names));
  writer.u32(head + DIALECT_NAME_COUNT, names.length);
  const data = form?.data;
  writer.u32(head + DIALECT_DEPTH, data === undefined ? 0 : pointerSteps(data).length);
  writer.address(head + PLAN_POINTERS, writeKinds(writer, kinds, names));
}

/** In the order of POINTER_KIND_. */
function kindsOf(form: EventForm | undefined): readonly (readonly string[])[] {
  if (form === undefined) {
    return Array.from({ length: KINDS }, () => NO_POINTERS);
  }
  const { id, key, time, actor, session, type, detail, schema, data } = form;
  const kinds = [id, key, time, actor, session, type, detail, schema];
  return [...kinds.map((kind) => kind ?? NO_POINTERS), data === undefined ? NO_POINTERS : [data]];
}

function writeKinds(
  writer: PlanWriter,
  kinds: readonly (readonly string[])[],
  names: readonly string[],
): number {
  const table = writer.reserve(POINTER_KIND_BYTES * kinds.length, 8);
  kinds.forEach((pointers, kind) => {
    assert(pointers.length <= POINTERS_MAX, "few pointers of a kind");
    const base = table + kind * POINTER_KIND_BYTES;
    writer.u32(base + POINTER_COUNT, pointers.length);
    pointers.forEach((pointer, index) => {
      const entry = base + POINTER_ENTRIES + index * POINTER_BYTES;
      const steps = pointerSteps(pointer);
      const [name] = steps;
      const slot = name === undefined ? 0 : names.indexOf(name) + 1;
      writer.u32(entry + POINTER_SLOT, DIALECT_SLOTS - SLOTS + 4 * slot);
      writer.u32(entry + POINTER_UNIT, 1);
      writer.address(entry + POINTER_STEPS, writeSteps(writer, steps.slice(1)));
    });
  });
  return table;
}

function writeMerge(writer: PlanWriter, at: number, member: MergedMember): void {
  const { from, host, own, into } = member;
  if (from !== undefined) {
    writeText(writer, { at: at + MERGE_FROM, bytes: at + MERGE_FROM_BYTES }, from);
  }
  if (own !== undefined) {
    writeText(writer, { at: at + MERGE_OWN, bytes: at + MERGE_OWN_BYTES }, own);
  }
  writer.u32(at + MERGE_HOST, host === true ? 1 : 0);
  const steps = pointerSteps(into);
  const last = steps.at(-1);
  assert(last !== undefined && steps.length <= 2, "a member is merged one or two steps deep");
  writer.u32(at + MERGE_STEPS, steps.length);
  writeText(writer, { at: at + MERGE_STEP, bytes: at + MERGE_STEP_BYTES }, steps[0] ?? "");
  writeText(writer, { at: at + MERGE_LAST, bytes: at + MERGE_LAST_BYTES }, last);
  const label = `${JSON.stringify(last)}:`;
  writeText(writer, { at: at + MERGE_LABEL, bytes: at + MERGE_LABEL_BYTES }, label);
}
