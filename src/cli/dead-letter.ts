/**
 * A dead letter as `redrive` sees it: whose event it was, why it was refused, and its text if that
 * was kept. Written by pipeline/dead-letters.ts.
 */
import type { KafkaRecord } from "../delivery/reader.ts";

export interface DeadLetterText {
  readonly partition: number;
  readonly offset: number;
  readonly code: string;
  readonly tenant: string;
  readonly source: string;
  readonly dialect: string;
  readonly type: string | null;
  readonly id: string | null;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  /** The event as it was sent; null: it was not kept. */
  readonly event: string | null;
}

export function readDeadLetter(record: KafkaRecord): DeadLetterText {
  const headers = new Map(record.headers.map(([name, value]) => [name, text(value)]));
  const { value, partition, offset, timestampMs } = record;
  return {
    partition,
    offset,
    timestampMs,
    code: headers.get("code") ?? "",
    tenant: headers.get("tenant") ?? "",
    source: headers.get("source") ?? "",
    dialect: headers.get("dialect") ?? "native",
    type: headers.get("type") ?? null,
    id: headers.get("id") ?? null,
    event: value === null || value.length === 0 ? null : text(value),
  };
}

/** Can it be put into an array of events? What is not JSON has no place there. */
export function isJson(event: string): boolean {
  try {
    JSON.parse(event);
    return true;
  } catch {
    return false;
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
