/**
 * Walks the text of one event once, without recursion, to put a place in it into words: its JSON
 * pointer, and what stands there. Only for events that were refused; the module has already judged.
 */

const decoder = new TextDecoder();

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

interface Level {
  readonly isObject: boolean;
  /** Next item of an array. */
  index: number;
  /** Member of an object whose name has been read; its quoted text's place. */
  nameStart: number;
  nameEnd: number;
}

/** Text longer than this is cut in descriptions. */
const SHOWN_MAX = 60;
const WORD_MAX = 4 * SHOWN_MAX;

/** Index behind the string whose quote is at `start`, or the end of the text. */
export function stringEnd(text: Uint8Array, start: number): number {
  let at = start + 1;
  for (; at < text.length; at += 1) {
    const byte = text[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at += 1;
  }
  return text.length;
}

export function isWhite(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Index behind the sound value whose first byte is at `start`. */
export function valueEnd(text: Uint8Array, start: number): number {
  let level = 0;
  let at = start;
  while (at < text.length) {
    const byte = text[at];
    const isOpening = byte === 0x7b || byte === 0x5b;
    const isClosing = byte === 0x7d || byte === 0x5d;
    if (isOpening) level += 1;
    if (isClosing) level -= 1;
    if (byte === QUOTE) at = stringEnd(text, at);
    else if (isOpening || isClosing || level > 0) at += 1;
    else at = wordEnd(text, at);
    if (level === 0) break;
  }
  return at;
}

/** The string at `start` decoded; as it stands if it is not sound. */
export function stringAt(text: Uint8Array, start: number): string {
  const raw = decoder.decode(text.subarray(start, stringEnd(text, start)));
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "string" ? value : raw;
  } catch {
    return raw;
  }
}

/**
 * RFC 6901 pointer of the place `target`: of the value that begins there, of the member whose name
 * begins there, or of the object or array whose closing bracket stands there.
 */
export function pointerTo(text: Uint8Array, target: number): string {
  const levels: Level[] = [];
  for (let at = 0; at < target;) {
    const byte = text[at];
    const level = levels.at(-1);
    if (byte === QUOTE) {
      const end = stringEnd(text, at);
      if (level?.isObject === true && level.nameStart < 0) {
        level.nameStart = at;
        level.nameEnd = end;
      }
      at = end;
      continue;
    }
    if (byte === 0x7b || byte === 0x5b) {
      levels.push({ isObject: byte === 0x7b, index: 0, nameStart: -1, nameEnd: -1 });
    } else if (byte === 0x7d || byte === 0x5d) levels.pop();
    else if (byte === COMMA && level !== undefined) {
      level.index += 1;
      level.nameStart = -1;
    }
    at += 1;
  }
  const last = levels.at(-1);
  const byte = text[target];
  if (last?.isObject === true && last.nameStart < 0 && byte === QUOTE) last.nameStart = target;
  const isClosing = byte === 0x7d || byte === 0x5d;
  return levels
    .slice(0, isClosing ? -1 : undefined)
    .map((level) => `/${stepOf(text, level)}`)
    .join("");
}

function stepOf(text: Uint8Array, level: Level): string {
  if (!level.isObject) return String(level.index);
  return escapeStep(level.nameStart < 0 ? "" : stringAt(text, level.nameStart));
}

/** One step of an RFC 6901 pointer. */
export function escapeStep(step: string): string {
  return step.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** What stands at `start`, in words: `string "abc" (3 bytes)`, `number 5`, `an object`, `null`. */
export function describeValue(text: Uint8Array, start: number): string {
  switch (text[start]) {
    case undefined:
      return "nothing";
    case QUOTE: {
      const value = stringAt(text, start);
      const bytes = new TextEncoder().encode(value).length;
      const unit = bytes === 1 ? "byte" : "bytes";
      return `string ${JSON.stringify(shorten(value))} (${bytes} ${unit})`;
    }
    case 0x7b:
      return "an object";
    case 0x5b:
      return "an array";
    default: {
      const word = wordAt(text, start);
      return /^[-0-9]/.test(word) ? `number ${shorten(word)}` : shorten(word);
    }
  }
}

/** As describeValue, but nothing of the value: `a string (3 bytes)`, `a number (1 byte)`. */
export function describeShape(text: Uint8Array, start: number): string {
  const inBytes = (bytes: number): string => `(${bytes} ${bytes === 1 ? "byte" : "bytes"})`;
  switch (text[start]) {
    case QUOTE:
      return `a string ${inBytes(new TextEncoder().encode(stringAt(text, start)).length)}`;
    case undefined:
    case 0x7b:
    case 0x5b:
    case 0x6e:
      return describeValue(text, start);
    case 0x74:
    case 0x66:
      return "a boolean";
    default:
      return `a number ${inBytes(wordAt(text, start).length)}`;
  }
}

const WORD_ENDS = new Set([0x7d, 0x5d, COMMA, COLON, QUOTE, 0x20, 0x0a, 0x0d, 0x09]);

/** Index of the next bracket, comma, colon, quote or white space behind `start`. */
function wordEnd(text: Uint8Array, start: number): number {
  let end = start + 1;
  while (end < text.length && !WORD_ENDS.has(text[end] ?? 0)) end += 1;
  return end;
}

/** The word at `start`, cut where it is long. */
function wordAt(text: Uint8Array, start: number): string {
  return decoder.decode(text.subarray(start, Math.min(wordEnd(text, start), start + WORD_MAX)));
}

function shorten(text: string): string {
  const points = Array.from(text.slice(0, 2 * SHOWN_MAX));
  return points.length > SHOWN_MAX ? `${points.slice(0, SHOWN_MAX).join("")}…` : text;
}
