/**
 * Fresh events out of a pack's samples: each sample is cut once where its id, its person and its
 * time stand, so that making an event is joining strings. It knows how samples are written, not how
 * events are sent.
 */

export interface FreshEvent {
  readonly text: string;
  /** UTF-8 bytes of `text`. */
  readonly bytes: number;
  readonly isValid: boolean;
}

export interface Sample {
  readonly isValid: boolean;
  readonly parts: readonly Part[];
  /** UTF-8 bytes of the parts that stay. */
  readonly fixedBytes: number;
}

type Part = { readonly kind: "text"; readonly text: string } | { readonly kind: Slot };
type Slot = "id" | "person" | "time";

/** What stands where in the samples of the packs that come along; the last group is a value. */
const SLOTS = /"(messageId|eventId|anonymousId|timestamp)":"([^"]*)"/g;

const SLOT_OF: Readonly<Record<string, Slot>> = {
  messageId: "id",
  eventId: "id",
  anonymousId: "person",
  timestamp: "time",
};

/** One line of a sample file, cut. Values that are not as the pack wants them stay as they are. */
export function cutSample(line: string, isValid: boolean): Sample {
  const parts: Part[] = [];
  let at = 0;
  let fixedBytes = 0;
  const keep = (text: string): void => {
    parts.push({ kind: "text", text });
    fixedBytes += utf8Bytes(text);
  };
  for (const match of line.matchAll(SLOTS)) {
    const [whole, name = "", value = ""] = match;
    // A bad event is bad by a member that must not be mended.
    if (!isValid && name !== "messageId" && name !== "eventId") continue;
    if (isValid ? value === "" : !/^[0-9a-f-]{36}$/.test(value)) continue;
    const end = match.index + whole.length - 1;
    keep(line.slice(at, end - value.length));
    parts.push({ kind: SLOT_OF[name] ?? "id" });
    at = end;
  }
  keep(line.slice(at));
  return { isValid, parts, fixedBytes };
}

/** Whether a line of bad samples can stand inside a JSON array, beside good events. */
export function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

export interface EventSourceOptions {
  readonly valid: readonly Sample[];
  readonly invalid: readonly Sample[];
  /** Share of invalid events, 0 to 1. */
  readonly invalidShare: number;
  /** Makes ids unique among all sources of a run: 16 hexadecimal digits. */
  readonly prefix: string;
  readonly random: () => number;
}

export class EventSource {
  readonly #options: EventSourceOptions;
  #made = 0;

  constructor(options: EventSourceOptions) {
    this.#options = options;
  }

  /** `person` is ASCII; `nowMs` since 1970. */
  next(person: string, nowMs: number): FreshEvent {
    const { valid, invalid, invalidShare, random } = this.#options;
    const isValid = invalid.length === 0 || random() >= invalidShare;
    const samples = isValid ? valid : invalid;
    const sample = samples[Math.floor(random() * samples.length)];
    if (sample === undefined) throw new Error("there are no samples to make events of");
    const values = { id: this.#nextId(), person, time: new Date(nowMs).toISOString() };
    let text = "";
    let bytes = sample.fixedBytes;
    for (const part of sample.parts) {
      if (part.kind === "text") {
        text += part.text;
      } else {
        text += values[part.kind];
        bytes += values[part.kind].length;
      }
    }
    return { text, bytes, isValid };
  }

  /** A UUID of version 7's form: packs may ask for one. */
  #nextId(): string {
    this.#made += 1;
    const { prefix } = this.#options;
    const count = this.#made.toString(16).padStart(12, "0");
    const first = `${prefix.slice(0, 8)}-${prefix.slice(8, 12)}`;
    return `${first}-7${prefix.slice(13, 16)}-8${prefix.slice(0, 3)}-${count}`;
  }
}

/** Without TextEncoder: this is called for every sample at a start, in both engines. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x8_00 ? 2 : point < 0x1_00_00 ? 3 : 4;
  }
  return bytes;
}
