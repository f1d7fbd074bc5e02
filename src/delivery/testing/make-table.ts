/**
 * Record tables for tests and benchmarks, as the codec would fill them.
 */
import type { RecordTable } from "../../records.ts";
import { murmur2 } from "../murmur2.ts";

export interface TestRecord {
  readonly value: Uint8Array;
  readonly key?: string;
  readonly header?: Uint8Array;
}

export function makeTable(records: readonly TestRecord[]): RecordTable {
  const count = records.length;
  const columns = (): Uint32Array => new Uint32Array(count);
  const table = {
    count,
    status: new Uint8Array(count),
    kind: new Uint8Array(count),
    route: new Int32Array(count),
    eventStart: columns(),
    eventEnd: columns(),
    valueStart: columns(),
    valueEnd: columns(),
    headerStart: columns(),
    headerEnd: columns(),
    keyStart: columns(),
    keyEnd: columns(),
    keyHash: columns(),
    idStart: columns(),
    idEnd: columns(),
    actorStart: columns(),
    actorEnd: columns(),
    sessionStart: columns(),
    sessionEnd: columns(),
    schemaStart: columns(),
    schemaEnd: columns(),
    timeMs: new Float64Array(count),
    ignored: columns(),
  };
  const chunks: Uint8Array[] = [];
  let at = 0;
  type Column = "value" | "key" | "header";
  const put = (row: number, column: Column, bytes: Uint8Array): void => {
    table[`${column}Start`][row] = at;
    at += bytes.length;
    table[`${column}End`][row] = at;
    chunks.push(bytes);
  };
  for (const [row, record] of records.entries()) {
    const key = new TextEncoder().encode(record.key ?? "");
    put(row, "value", record.value);
    put(row, "key", key);
    put(row, "header", record.header ?? new Uint8Array(0));
    table.keyHash[row] = key.length > 0 ? murmur2(key) : 0;
  }
  return { ...table, memory: new Uint8Array(Buffer.concat(chunks)) };
}
