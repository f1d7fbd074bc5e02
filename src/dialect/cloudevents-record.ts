/**
 * What a record keeps of a CloudEvent besides its data: the attributes, as headers in the binary
 * mode of the Kafka protocol binding (1.0.2), and the source, without which its id is not unique.
 * It reads the event as it was sent, in structured form; the codec has found it sound.
 */
import { CLOUDEVENT_HEADERS_BYTES_MAX } from "../limits/events.ts";

export type RecordHeaders = ReadonlyArray<readonly [string, string]>;

/** Not attributes. */
const DATA_MEMBERS: ReadonlySet<string> = new Set(["data", "data_base64", "datacontenttype"]);
const ATTRIBUTE = /^[a-z0-9]{1,40}$/;
/** The value is Avro, whatever the data was; no media type covers the registry's framing. */
const CONTENT_TYPE = ["content-type", "application/avro"] as const;

const decoder = new TextDecoder();

function attributes(event: Uint8Array): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(decoder.decode(event));
  // An event that was encoded is an object.
  return value as Readonly<Record<string, unknown>>;
}

/**
 * Who made the event, as a prefix of its id: `source` and `id` together are its identity
 * (CloudEvents §3.1). "": no source.
 */
export function cloudEventScope(event: Uint8Array): string {
  const { source } = attributes(event);
  return typeof source === "string" ? `${source}\0` : "";
}

/**
 * `ce_` headers of its record, as many as fit; text, numbers and truth values as the binding has
 * them.
 */
export function cloudEventHeaders(event: Uint8Array): RecordHeaders {
  const headers: (readonly [string, string])[] = [CONTENT_TYPE];
  let bytes = 0;
  for (const [name, value] of Object.entries(attributes(event))) {
    const isScalar = ["string", "number", "boolean"].includes(typeof value);
    if (!isScalar || DATA_MEMBERS.has(name) || !ATTRIBUTE.test(name)) continue;
    const text = String(value);
    bytes += name.length + Buffer.byteLength(text);
    if (bytes > CLOUDEVENT_HEADERS_BYTES_MAX) break;
    headers.push([`ce_${name}`, text]);
  }
  return headers;
}
