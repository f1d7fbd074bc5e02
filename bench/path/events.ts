/**
 * What generators send: the behaviour pack's samples, with ids of their own and visitors who send
 * ten events each, written out in advance. Nothing is made while it is sent, except a frame's
 * number.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SAMPLES = fileURLToPath(new URL("../../packs/behaviour/samples.ndjson", import.meta.url));

/** Different events; frames are cut out of them one after the other. */
const EVENTS = 2_000;
const EVENTS_PER_VISITOR = 10;

/** Masked with this, as a client must (RFC 6455 §5.3). */
const MASK = [0x5a, 0xc3, 0x17, 0x9e] as const;

/** `"seq":` is followed by blanks up to here, so that all frames are of one length. */
const SEQ_DIGITS = 12;

/** Events of a frame or body as a JSON array. `generator`: visitors of others differ. */
function arrays(eventsPerFrame: number, generator: number): string[] {
  const lines = readFileSync(SAMPLES, "utf8")
    .trim()
    .split("\n")
    .filter((line) => line.includes('"anonymousId":"') && line.includes('"messageId":"'));
  const events = Array.from({ length: Math.max(EVENTS, eventsPerFrame) }, (_, index) => {
    const visitor = `a-${generator}-${Math.floor(index / EVENTS_PER_VISITOR)}`;
    const id = (index + generator * EVENTS).toString(16).padStart(12, "0");
    return (lines[index % lines.length] ?? "")
      .replace(/"anonymousId":"[^"]*"/, `"anonymousId":"${visitor}"`)
      .replace(/("messageId":"[^"]*)[^"]{12}"/, `$1${id}"`);
  });
  const frames: string[] = [];
  for (let from = 0; from + eventsPerFrame <= events.length; from += eventsPerFrame) {
    frames.push(`[${events.slice(from, from + eventsPerFrame).join(",")}]`);
  }
  return frames;
}

/** `pub` frames, masked; `write` puts one with its number into `target` and returns its end. */
export class FrameBook {
  readonly eventsPerFrame: number;
  readonly bytesPerEvent: number;
  /** The longest frame, its head included. */
  readonly frameBytesMax: number;
  readonly #frames: readonly Buffer[];
  readonly #seqAt: number;
  #next = 0;

  constructor(eventsPerFrame: number, generator: number) {
    const texts = arrays(eventsPerFrame, generator);
    const open = `{"t":"pub","seq":`;
    this.eventsPerFrame = eventsPerFrame;
    this.bytesPerEvent = (texts[0]?.length ?? 0) / eventsPerFrame;
    this.#frames = texts.map((text) =>
      clientFrame(Buffer.from(`${open}${" ".repeat(SEQ_DIGITS)},"events":${text}}`)),
    );
    this.frameBytesMax = this.#frames.reduce((max, { length }) => Math.max(max, length), 0);
    const [first] = this.#frames;
    this.#seqAt = (first === undefined ? 0 : headBytes(first)) + open.length;
  }

  /** The next frame, to be copied before the one after it is asked for. */
  next(seq: number): Buffer {
    const frame = this.#frames[this.#next % this.#frames.length] ?? Buffer.alloc(0);
    this.#next += 1;
    const digits = String(seq).padStart(SEQ_DIGITS, " ");
    // The frame's payload begins four bytes behind its mask, a multiple of the mask's length.
    const from = this.#seqAt - headBytes(frame);
    for (let i = 0; i < SEQ_DIGITS; i += 1) {
      frame[this.#seqAt + i] = digits.charCodeAt(i) ^ (MASK[(from + i) % MASK.length] ?? 0);
    }
    return frame;
  }
}

function headBytes(frame: Buffer): number {
  const short = (frame[1] ?? 0) & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + MASK.length;
}

/** One masked text frame. */
export function clientFrame(payload: Buffer): Buffer {
  const extended = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + extended + MASK.length + payload.length);
  frame[0] = 0x81;
  frame[1] = 0x80 | (extended === 0 ? payload.length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(payload.length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(payload.length), 2);
  frame.set(MASK, 2 + extended);
  const start = 2 + extended + MASK.length;
  for (let i = 0; i < payload.length; i += 1) {
    frame[start + i] = (payload[i] ?? 0) ^ (MASK[i % MASK.length] ?? 0);
  }
  return frame;
}

/** Whole HTTP requests. */
export function requestBook(eventsPerRequest: number, generator: number): Buffer[] {
  return arrays(eventsPerRequest, generator).map((text) => {
    const body = Buffer.from(text);
    const head =
      "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
      `Authorization: Bearer demo\r\nContent-Length: ${body.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]);
  });
}
