/** The Kafka header `sluice` as JSON text, for `sluice tail`; consumer/header.ts reads it. */
import { parseHeader } from "../consumer/header.ts";

/** Undefined when the bytes are no such header. */
export function sluiceHeaderJson(bytes: Uint8Array): string | undefined {
  const header = parseHeader(bytes);
  if (header === null) return undefined;
  const { receivedAtMs: receivedAt, eventTimeMs: eventTime, ...members } = header;
  const { version, flags, stream, epoch, seq, ...texts } = members;
  return JSON.stringify({ version, flags, stream, epoch, seq, receivedAt, eventTime, ...texts });
}
