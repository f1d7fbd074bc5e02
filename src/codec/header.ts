/** The Kafka header `sluice` behind the module's back: patching the session id into it. */
import type { Regions } from "./instance.ts";
import { RESULT, RESULT_OUT } from "./abi.gen.ts";
import { lengthBytes } from "./frame-context.ts";
import type { Table } from "./table.ts";

/** Bytes the module leaves behind each header: enough for a UUID and its length. */
const SESSION_ROOM = 40;

const encoder = new TextEncoder();

/**
 * Writes the session id at the end of the row's header, whose last byte is its length, 0 so far. An
 * id that does not fit in place moves the header to the free end of the arena; if that is full, the
 * header stays without session.
 */
export function writeSession(
  view: DataView,
  {
    table,
    row,
    id,
    regions,
  }: {
    readonly table: Table;
    readonly row: number;
    readonly id: string;
    readonly regions: Regions;
  },
): void {
  const start = table.headerStart[row] ?? 0;
  const end = table.headerEnd[row] ?? 0;
  if (start === end) return;
  if (writeShortAscii(table.memory, end - 1, id)) {
    table.headerEnd[row] = end + id.length;
    return;
  }
  const bytes = encoder.encode(id);
  const length = lengthBytes(bytes.length);
  let last = end - 1;
  if (length.length + bytes.length - 1 > SESSION_ROOM) {
    const free = view.getUint32(RESULT + RESULT_OUT, true);
    const next = free + (last - start) + length.length + bytes.length;
    if (next > regions.arenaEnd) return;
    table.memory.copyWithin(free, start, last);
    table.headerStart[row] = free;
    last = free + (last - start);
    view.setUint32(RESULT + RESULT_OUT, next, true);
  }
  table.memory.set(length, last);
  table.memory.set(bytes, last + length.length);
  table.headerEnd[row] = last + length.length + bytes.length;
}

/**
 * Length and text of an id that is ASCII and fits in place, as nearly all are. False: it is not;
 * what was written is overwritten. TextEncoder would cost a call out of JavaScript for each event,
 * which bench/path.ts shows.
 */
function writeShortAscii(memory: Uint8Array, at: number, id: string): boolean {
  if (id.length > SESSION_ROOM) return false;
  memory[at] = id.length;
  for (let index = 0; index < id.length; index += 1) {
    const code = id.charCodeAt(index);
    if (code > 0x7f) return false;
    memory[at + 1 + index] = code;
  }
  return true;
}
