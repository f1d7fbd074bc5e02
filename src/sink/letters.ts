/** Dead letters as rows: those the gateway wrote, and records the sink itself cannot read. */
import type { SluiceHeader } from "../consumer/header.ts";
import type { KafkaRecord } from "../delivery/reader.ts";
import { jsonCell, NULL_CELL, textCell, timestampCell } from "./cells.ts";
import type { LetterRow } from "./record-kinds.ts";
import { dayOf } from "./tables.ts";

/** In the order of the cells. */
export const LETTER_COLUMNS =
  "origin, received_at, code, detail, tenant, source, type, event_id, topic, kafka_partition, " +
  "kafka_offset, kafka_key, headers, payload";

const UTF8 = new TextDecoder();

/** What `<topic>.dlq` holds: the reason in the headers, the payload if it was kept. */
export function gatewayLetter(record: KafkaRecord, receivedAtMs: number): LetterRow {
  const headers = new Map(record.headers.map(([name, value]) => [name, UTF8.decode(value)]));
  return rowOf(record, {
    origin: "gateway",
    receivedAtMs,
    code: headers.get("code") ?? "unknown",
    detail: headers.get("detail") ?? headers.get("path") ?? null,
    tenant: headers.get("tenant") ?? null,
    source: headers.get("source") ?? null,
    type: headers.get("type") ?? null,
    id: headers.get("id") ?? null,
  });
}

/** A record that cannot be written as what it is. */
export function poisonLetter(
  record: KafkaRecord,
  reason: {
    readonly code: string;
    readonly detail: string;
    readonly receivedAtMs: number;
    readonly header: SluiceHeader | null;
  },
): LetterRow {
  const { tenant = null, source = null, type = null, id = null } = reason.header ?? {};
  const { code, detail, receivedAtMs } = reason;
  return rowOf(record, { origin: "sink", code, detail, receivedAtMs, tenant, source, type, id });
}

interface Letter {
  readonly origin: LetterRow["origin"];
  readonly receivedAtMs: number;
  readonly code: string;
  readonly detail: string | null;
  readonly tenant: string | null;
  readonly source: string | null;
  readonly type: string | null;
  readonly id: string | null;
}

function rowOf(record: KafkaRecord, letter: Letter): LetterRow {
  const { code, detail, tenant, source, type, id, origin, receivedAtMs } = letter;
  const headers = record.headers.map(([name, value]) => [name, UTF8.decode(value)]);
  const texts = [detail, tenant, source, type, id].map((text) =>
    text === null ? NULL_CELL : textCell(text),
  );
  const cells = [
    origin,
    `${timestampCell(String(receivedAtMs), 1n)}Z`,
    textCell(code),
    ...texts,
    textCell(record.topic),
    String(record.partition),
    String(record.offset),
    bytesOf(record.key),
    jsonCell(JSON.stringify(headers)),
    bytesOf(record.value),
  ];
  return { kind: "letter", origin, day: dayOf(receivedAtMs), line: `${cells.join("\t")}\n` };
}

function bytesOf(bytes: Uint8Array | null): string {
  return bytes === null ? NULL_CELL : `\\\\x${Buffer.from(bytes).toString("hex")}`;
}
