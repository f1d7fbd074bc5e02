/**
 * Finds a member of a body's top-level object by its bytes: some clients put their key at the end
 * of a body and nowhere else. One pass, no parsing; what is not sound JSON finds nothing, and the
 * codec says what is wrong with it.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** Longest value that can be a key. */
const VALUE_BYTES_MAX = 8 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The string value of `name` at depth one, the last if there are several; null: there is none. */
export function topLevelText(body: Uint8Array, name: string): string | null {
  const label = new TextEncoder().encode(name);
  let found: string | null = null;
  let depth = 0;
  let at = 0;
  while (at < body.length) {
    const byte = body[at];
    if (byte === QUOTE) {
      const end = stringEnd(body, at);
      if (depth === 1 && isLabel(body, { start: at + 1, end: end - 1 }, label)) {
        found = textAfter(body, end) ?? found;
      }
      at = end;
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
    if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1;
    at += 1;
  }
  return found;
}

/** Index behind the closing quote of the string that begins at `start`. */
function stringEnd(body: Uint8Array, start: number): number {
  let at = start + 1;
  for (;;) {
    at = body.indexOf(QUOTE, at);
    if (at < 0) return body.length;
    let slashes = 0;
    while (body[at - 1 - slashes] === BACKSLASH) slashes += 1;
    at += 1;
    if (slashes % 2 === 0) return at;
  }
}

function isLabel(
  body: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
  label: Uint8Array,
): boolean {
  if (end - start !== label.length) return false;
  return label.every((byte, index) => body[start + index] === byte);
}

/** The string behind a colon; null: something else follows. */
function textAfter(body: Uint8Array, from: number): string | null {
  let at = skipSpace(body, from);
  if (body[at] !== COLON) return null;
  at = skipSpace(body, at + 1);
  if (body[at] !== QUOTE) return null;
  const end = stringEnd(body, at);
  if (end - at > VALUE_BYTES_MAX) return null;
  try {
    const value: unknown = JSON.parse(decoder.decode(body.subarray(at, end)));
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

function skipSpace(body: Uint8Array, from: number): number {
  let at = from;
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at += 1;
  return at;
}
