/**
 * One Kafka record as one line of JSON, as `sluice tail` prints it. The line is put together as
 * text, because the value is text already (schema/decode.ts) and an object would take its digits
 * away.
 */
import type { KafkaRecord } from "../delivery/reader.ts";
import type { RecordValue } from "../schema/value-decoder.ts";
import { sluiceHeaderJson } from "./record-header.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Control characters that no text for people holds. */
// oxlint-disable-next-line no-control-regex
const BINARY = /[\u0000-\u0008\u000e-\u001f\u007f]/;

/**
 * `{topic,partition,offset,timestamp,key,headers,schema,value}` and a newline. A raw value is null
 * and has `hex`, `reason` and, where its bytes are text, `text` behind it.
 */
export function recordLine(record: KafkaRecord, value: RecordValue): string {
  const isAvro = value.kind === "avro";
  const schema = isAvro
    ? `{"id":${value.schemaId},"name":${JSON.stringify(value.schemaName)}}`
    : "null";
  const members: Array<readonly [string, string]> = [
    ["topic", JSON.stringify(record.topic)],
    ["partition", String(record.partition)],
    ["offset", String(record.offset)],
    ["timestamp", String(record.timestampMs)],
    ["key", record.key === null ? "null" : bytesJson(record.key)],
    ["headers", headersJson(record.headers)],
    ["schema", schema],
    ["value", isAvro ? value.json : "null"],
  ];
  if (value.kind === "raw") {
    const bytes = record.value ?? new Uint8Array();
    const text = textOf(bytes);
    members.push(["hex", JSON.stringify(Buffer.from(bytes).toString("hex"))]);
    if (text !== undefined) members.push(["text", JSON.stringify(text)]);
    members.push(["reason", JSON.stringify(value.reason)]);
  }
  return `${objectJson(members)}\n`;
}

/** By name; a name that repeats has an array of its values. */
function headersJson(headers: KafkaRecord["headers"]): string {
  const values = new Map<string, string[]>();
  for (const [name, bytes] of headers) {
    const sluice = name === "sluice" ? sluiceHeaderJson(bytes) : undefined;
    const list = values.get(name) ?? [];
    list.push(sluice ?? bytesJson(bytes));
    values.set(name, list);
  }
  return objectJson(
    [...values].map(([name, list]) => [name, list.length === 1 ? list.join() : `[${list.join()}]`]),
  );
}

/** Text as a string, other bytes as `{"hex": …}`. */
function bytesJson(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text === undefined
    ? `{"hex":"${Buffer.from(bytes).toString("hex")}"}`
    : JSON.stringify(text);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = UTF8.decode(bytes);
    return BINARY.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function objectJson(members: ReadonlyArray<readonly [string, string]>): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
}
