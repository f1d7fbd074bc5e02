/**
 * Makes log fields safe: secrets out, lengths capped, nothing that could forge a line or steer a
 * terminal. Knows no logger.
 */

export type LogFields = Readonly<Record<string, unknown>>;

/** Characters of one field; the rest is cut off and counted in the text. */
export const FIELD_LENGTH_MAX = 1_024;
/** Stacks say where; beyond this they repeat themselves. */
const STACK_LENGTH_MAX = 4_096;
/** Members of one object, items of one array. */
const MEMBERS_MAX = 32;
const DEPTH_MAX = 3;

const SECRET_NAME =
  /pass(word|phrase)?$|secret|token|authorization|cookie|credential|write_?key|api_?key/i;
const USER_INFO = /(:\/\/)[^/\s"',]*@/g;
const REDACTED = "[redacted]";

/** A copy of the fields that may be written anywhere. */
export function safeFields(fields: LogFields): Record<string, unknown> {
  return safeObject(fields, 1);
}

/**
 * `text` as one line that a terminal only shows: control characters, line separators and direction
 * marks become \u escapes.
 */
export function singleLine(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function safeObject(fields: object, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  const entries = Object.entries(fields);
  for (const [name, value] of entries.slice(0, MEMBERS_MAX)) {
    safe[singleLine(name)] = SECRET_NAME.test(name) ? REDACTED : safeValue(value, depth);
  }
  if (entries.length > MEMBERS_MAX) {
    safe["leftOut"] = entries.length - MEMBERS_MAX;
  }
  return safe;
}

function safeValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return safeText(value, FIELD_LENGTH_MAX);
    case "bigint":
      return value.toString();
    case "number":
    case "boolean":
    case "undefined":
      return value;
    case "object":
      return value === null ? null : safeNested(value, depth);
    default:
      return `[${typeof value}]`;
  }
}

function safeNested(value: object, depth: number): unknown {
  if (value instanceof Error) {
    return {
      type: value.name,
      message: safeText(value.message, FIELD_LENGTH_MAX),
      // A stack's line ends are worth keeping; nothing else of it may leave its line.
      stack: (value.stack ?? "")
        .slice(0, STACK_LENGTH_MAX)
        .split("\n")
        .map((line) => safeText(line, STACK_LENGTH_MAX))
        .join("\n"),
    };
  }
  if (depth >= DEPTH_MAX) {
    return "[nested]";
  }
  if (ArrayBuffer.isView(value)) {
    return `[${value.byteLength} bytes]`;
  }
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.slice(0, MEMBERS_MAX).map((item) => safeValue(item, depth + 1));
  }
  return safeObject(value, depth + 1);
}

function safeText(text: string, lengthMax: number): string {
  const cut =
    text.length > lengthMax
      ? `${text.slice(0, lengthMax)}… (${text.length - lengthMax} more characters)`
      : text;
  return singleLine(cut.replaceAll(USER_INFO, "$1***@"));
}
