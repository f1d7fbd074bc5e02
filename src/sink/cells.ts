/**
 * One value as PostgreSQL's COPY takes it in its text format. It takes the JSON that the decoder
 * writes of a field, so that no number loses a digit on its way. It knows neither schemas nor
 * tables.
 */

/** What COPY reads as NULL. */
export const NULL_CELL = "\\N";

/** A value that its column cannot hold; the message is a phrase. */
export class UnfitValue extends Error {}

/** JSON of one value → cell of one column. Throws UnfitValue. */
export type Cell = (json: string) => string;

/** Any text. PostgreSQL has no character U+0000: U+FFFD stands for it. */
export function textCell(text: string): string {
  if (!NEEDS_ESCAPE.test(text)) return text;
  return text.replace(ESCAPED, (character) => ESCAPES[character] ?? character);
}

// oxlint-disable-next-line no-control-regex
const NEEDS_ESCAPE = /[\\\n\r\t\u0000]/;
// oxlint-disable-next-line no-control-regex
const ESCAPED = /[\\\n\r\t\u0000]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\u0000": "\uFFFD",
};

/** JSON as it stands, for jsonb. */
export function jsonCell(json: string): string {
  return textCell(storableJson(json));
}

/** An escaped U+0000 is the one thing that jsonb refuses. A backslash before it may be escaped. */
export function storableJson(json: string): string {
  if (!json.includes("\\u0000")) return json;
  return json.replace(/\\(?:u0000|[^])/g, (escape) => (escape === "\\u0000" ? "\\ufffd" : escape));
}

/** A text that PostgreSQL takes as the value of a query. */
export function storableText(text: string): string {
  return text.includes("\u0000") ? text.replaceAll("\u0000", "\uFFFD") : text;
}

/** A boolean or a number, as JSON writes it. */
export function plainCell(json: string): string {
  return json;
}

/** A double; NaN and the infinities come as strings. */
export function doubleCell(json: string): string {
  return json.startsWith('"') ? json.slice(1, -1) : json;
}

export function stringCell(json: string): string {
  return textCell(stringOf(json));
}

const UUID = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;

export function uuidCell(json: string): string {
  const text = stringOf(json);
  if (UUID.test(text)) return text;
  throw new UnfitValue("a text that is no UUID");
}

/** Bytes that the decoder writes one character each. */
export function bytesCell(json: string): string {
  return octets(Buffer.from(stringOf(json), "latin1"));
}

export function base64Cell(json: string): string {
  return octets(Buffer.from(stringOf(json), "base64"));
}

/** A UUID as sixteen bytes. */
export function uuidBytesCell(json: string): string {
  return Buffer.from(stringOf(json), "latin1").toString("hex");
}

/** An Avro duration: months, days and milliseconds, four bytes each, little-endian. */
export function durationCell(json: string): string {
  const bytes = Buffer.from(stringOf(json), "latin1");
  const [months, days, ms] = [0, 4, 8].map((at) => bytes.readUInt32LE(at));
  return `${months} months ${days} days ${(ms ?? 0) / 1_000} seconds`;
}

export function dateCell(json: string): string {
  return isoTime(BigInt(json) * 86_400_000n).slice(0, 10);
}

/** The time of a day; `perMs`: units in a millisecond. */
export function timeCell(json: string, perMs: bigint): string {
  const units = BigInt(json);
  const dayUnits = 86_400_000n * perMs;
  if (units < 0n || units >= dayUnits) throw new UnfitValue(`${json} is no time of a day`);
  return isoTime(units / perMs).slice(11, 23) + fraction(units % perMs, perMs);
}

/** A point of time, or a local one; `perMs`: units in a millisecond. */
export function timestampCell(json: string, perMs: bigint): string {
  const units = BigInt(json);
  const rest = ((units % perMs) + perMs) % perMs;
  return isoTime((units - rest) / perMs).slice(0, -1) + fraction(rest, perMs);
}

function fraction(rest: bigint, perMs: bigint): string {
  return perMs === 1n ? "" : String(rest).padStart(String(perMs).length - 1, "0");
}

/** 0001-01-01 and 9999-12-31, ms since 1970: JavaScript and PostgreSQL write these alike. */
const TIME_MIN_MS = -62_135_596_800_000n;
const TIME_MAX_MS = 253_402_300_799_999n;

function isoTime(ms: bigint): string {
  if (ms < TIME_MIN_MS || ms > TIME_MAX_MS) {
    throw new UnfitValue("a time outside the years 1 to 9999");
  }
  return new Date(Number(ms)).toISOString();
}

function octets(bytes: Buffer): string {
  return `\\\\x${bytes.toString("hex")}`;
}

function stringOf(json: string): string {
  // The decoder writes a JSON string for every value that comes here.
  return JSON.parse(json) as string;
}
