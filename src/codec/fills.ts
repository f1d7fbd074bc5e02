/**
 * Puts the gateway's own values (`sluice.fill`) into encoded records. Where a field is filled, the
 * module has copied a hole from the plan: the codec's secret token and the number of the plan's
 * fill. The holes of a record are found by the token and all filled at once, by writing the record
 * anew. It knows nothing of schemas.
 */
import { FILL_TEXT_LENGTH_MAX } from "../limits/events.ts";
import { ROW_STATUS } from "../records.ts";
import type { CompiledPlan } from "../schema/plan/compile.ts";
import { longBytes } from "../schema/plan/defaults.ts";
import { type Fill, FILL_HOLE_BYTES } from "../schema/plan/fill.ts";
import { RESULT, RESULT_OUT, TOKEN_BYTES } from "./abi.gen.ts";
import { findToken } from "./digests.ts";
import type { FrameContext } from "./frame-context.ts";
import type { Instance, Regions } from "./instance.ts";
import type { Table } from "./table.ts";

/** A part of a record that may be written anew: a session that was not known yet. */
interface Gap {
  readonly start: number;
  readonly end: number;
  readonly fill: Fill;
}

interface Frame {
  readonly table: Table;
  readonly context: FrameContext;
  /** Plan of a row's route. */
  readonly planOf: (row: number) => CompiledPlan | undefined;
}

const UNITS = { text: 0n, millis: 1n, micros: 1_000n, nanos: 1_000_000n } as const;

const encoder = new TextEncoder();

export class Fills {
  /** What no client can put into a record. */
  readonly token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  readonly #regions: Regions;
  readonly #sessions = new Map<number, Gap[]>();

  constructor(regions: Regions) {
    this.#regions = regions;
  }

  /** Fills all holes of the frame's encoded rows, sessions with what stands for none. */
  fill(instance: Instance, frame: Frame): void {
    this.#sessions.clear();
    for (let row = 0; row < frame.table.count; row += 1) {
      if (frame.table.status[row] !== ROW_STATUS.encoded) continue;
      const fills = frame.planOf(row)?.fills ?? [];
      if (fills.length > 0) this.#fillRow(instance, frame, { row, fills });
    }
  }

  /** Writes the session's id where the row's record wants it. */
  setSession(instance: Instance, table: Table, { row, id }: { row: number; id: string }): void {
    const gaps = this.#sessions.get(row);
    if (gaps === undefined) return;
    const start = table.valueStart[row] ?? 0;
    const value = table.memory.subarray(start, table.valueEnd[row]);
    const parts = gaps.map(({ fill, ...gap }) => ({ ...gap, content: contentOf(fill, id) }));
    // Without room for it the record stays without session, as its header does.
    if (this.#write(instance, table, { row, value, parts })) this.#sessions.delete(row);
  }

  #fillRow(
    instance: Instance,
    { table, context }: Frame,
    { row, fills }: { readonly row: number; readonly fills: readonly Fill[] },
  ): void {
    const start = table.valueStart[row] ?? 0;
    const value = table.memory.subarray(start, table.valueEnd[row]);
    const parts: { start: number; end: number; content: Uint8Array; fill: Fill }[] = [];
    for (let hole = findToken(value, this.token, 0); hole >= 0;) {
      const end = hole + FILL_HOLE_BYTES;
      const fill = fills[instance.view.getUint32(start + hole + TOKEN_BYTES, true)];
      if (fill === undefined) throw new Error("a hole names a fill of its plan");
      parts.push({ start: hole, end, content: valueOf(fill, { table, context, row }), fill });
      hole = findToken(value, this.token, end);
    }
    if (parts.length === 0) return;
    if (!this.#write(instance, table, { row, value, parts })) {
      table.status[row] = ROW_STATUS.tooLarge;
      return;
    }
    const gaps: Gap[] = [];
    let moved = 0;
    for (const part of parts) {
      const at = part.start + moved;
      const end = at + part.content.length;
      moved = end - part.end;
      if (part.fill.source === "session") gaps.push({ start: at, end, fill: part.fill });
    }
    if (gaps.length > 0) this.#sessions.set(row, gaps);
  }

  /** Writes the record anew at the free end of the arena; false: there is no room. */
  #write(
    { view, memory }: Instance,
    table: Table,
    {
      row,
      value,
      parts,
    }: {
      readonly row: number;
      readonly value: Uint8Array;
      readonly parts: readonly { start: number; end: number; content: Uint8Array }[];
    },
  ): boolean {
    const start = view.getUint32(RESULT + RESULT_OUT, true);
    const growth = parts.reduce(
      (sum, part) => sum + part.content.length - part.end + part.start,
      0,
    );
    const bytes = value.length + growth;
    if (bytes > this.#regions.recordBytesMax) return false;
    if (start + bytes > this.#regions.arenaEnd) return false;
    let from = 0;
    let to = start;
    for (const part of parts) {
      memory.set(value.subarray(from, part.start), to);
      to += part.start - from;
      memory.set(part.content, to);
      to += part.content.length;
      from = part.end;
    }
    memory.set(value.subarray(from), to);
    table.valueStart[row] = start;
    table.valueEnd[row] = start + bytes;
    view.setUint32(RESULT + RESULT_OUT, start + bytes, true);
    return true;
  }
}

function valueOf(
  fill: Fill,
  { table, context, row }: Omit<Frame, "planOf"> & { readonly row: number },
): Uint8Array {
  switch (fill.source) {
    case "tenant":
      return contentOf(fill, context.tenant);
    case "received-at":
      return timeOf(fill, context.receivedAtMs);
    case "corrected-time":
      return timeOf(fill, table.timeMs[row] ?? context.receivedAtMs);
    case "ip":
      return contentOf(fill, context.sender?.ip ?? "");
    case "user-agent":
      return contentOf(fill, context.sender?.userAgent ?? "");
    case "session":
      return contentOf(fill, "");
    default:
      return fill.source satisfies never;
  }
}

/** The whole field for a text; an empty one is none. */
function contentOf({ prefix, instead }: Fill, text: string): Uint8Array {
  if (text === "" && instead !== undefined) return instead;
  const bytes = encoder.encode(text.slice(0, FILL_TEXT_LENGTH_MAX));
  return Uint8Array.from([...prefix, ...longBytes(BigInt(bytes.length)), ...bytes]);
}

function timeOf({ prefix, form }: Fill, timeMs: number): Uint8Array {
  const value = BigInt(Math.floor(timeMs)) * UNITS[form];
  return Uint8Array.from([...prefix, ...longBytes(BigInt.asIntN(64, value))]);
}
