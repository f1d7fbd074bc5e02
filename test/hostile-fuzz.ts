/**
 * Valid requests and WebSocket messages, mutated by a seeded generator and sent to a running
 * gateway over many connections, as fast as it closes them. It counts and judges nothing itself.
 */
import { setTimeout as delay } from "node:timers/promises";
import { soundEvent } from "./beside.ts";
import { FIN, OPCODE, RawPeer, chunked, frame, postRequest } from "./raw-peer.ts";
import { soundPost, textFrame, upgradeHead } from "./raw-peer.ts";

/** A case that the gateway waits for more of is left after this time. */
const PATIENCE_MS = 4;
/** Connections at once. */
const PEERS = 16;

export type Random = () => number;

/** Mulberry32: 32 bits of state, the same numbers for the same seed everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const EVENT = soundEvent("fuzz");
const STREAM = "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f60";

const REQUESTS: readonly Buffer[] = [
  soundPost(EVENT),
  soundPost(`{"events":[${EVENT},${EVENT}],"sentAt":1}`, ["Content-Type: application/json"]),
  soundPost(`${EVENT}\n${EVENT}\n`, ["Content-Type: application/x-ndjson", "X-Write-Key: demo"]),
  postRequest(["Transfer-Encoding: chunked", "Expect: 100-continue"], chunked(EVENT)),
  soundPost("", []).replace("/v1/events", "/v1/streams/x/events"),
  "GET /openapi.json HTTP/1.1\r\nHost: x\r\nIf-None-Match: y\r\n\r\n",
  "OPTIONS /v1/events HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n\r\n",
  upgradeHead(),
].map((text) => Buffer.from(text));

const MESSAGES: readonly Buffer[] = [
  textFrame({ t: "pub", seq: 1, events: [JSON.parse(EVENT) as object] }),
  textFrame({ t: "ping", n: 1 }),
  textFrame({ t: "auth", token: "demo" }),
  textFrame({ t: "hello", v: 1, stream: STREAM, held: [[1, 2]], next: 3, ctx: { a: 1 } }),
  frame(OPCODE.text, '{"t":'),
  frame(FIN, '"bye","last":0}'),
  frame(FIN | OPCODE.ping, "x"),
  frame(FIN | OPCODE.close, Buffer.from([3, 232])),
  frame(FIN | OPCODE.binary, "x"),
];

/** A connection with a stream of its own, whose hello is sent. */
async function streaming(port: number, random: Random): Promise<RawPeer> {
  const peer = await RawPeer.upgraded(port);
  const stream =
    STREAM.slice(0, -8) +
    below(random, 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  peer.send(textFrame({ t: "hello", v: 1, stream, next: 1 }));
  return peer;
}

function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

function pick(random: Random, from: readonly Buffer[]): Buffer {
  return from[below(random, from.length)] ?? Buffer.alloc(0);
}

const MAGIC = [
  "\r\n\r\n",
  "\0",
  "\xff\xff\xff\xff",
  "0\r\n\r\n",
  "99999999999",
  ": ",
  "[[[[",
  "-1",
];

/** One to four of: flip, cut, repeat, splice in another, insert what parsers stumble over. */
export function mutated(random: Random, corpus: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(pick(random, corpus));
  for (let turn = below(random, 4); turn >= 0 && bytes.length > 0; turn -= 1) {
    const at = below(random, bytes.length);
    switch (below(random, 6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
        break;
      case 1:
        bytes[at] = below(random, 256);
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes, bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), pick(random, corpus)]);
        break;
      default: {
        const magic = Buffer.from(MAGIC[below(random, MAGIC.length)] ?? "", "latin1");
        bytes = Buffer.concat([bytes.subarray(0, at), magic, bytes.subarray(at)]);
      }
    }
  }
  return bytes;
}

export interface FuzzOptions {
  readonly seed: number;
  /** It ends with whichever comes first. */
  readonly casesMax: number;
  readonly untilMs: number;
  /** Many cases at a time go over one connection: this many. */
  readonly casesPerPeer: number;
}

/** Sends cases until there are enough or time is over; gives their number. */
export async function fuzz(port: number, options: FuzzOptions): Promise<number> {
  const random = seeded(options.seed);
  let cases = 0;
  const isOver = () => cases >= options.casesMax || performance.now() > options.untilMs;
  const worker = async (): Promise<void> => {
    while (!isOver()) {
      const isSocket = random() < 0.5;
      const peer = isSocket ? await streaming(port, random) : await RawPeer.connect(port);
      for (let turn = 0; turn < options.casesPerPeer && !peer.isClosed && !isOver(); turn += 1) {
        peer.send(mutated(random, isSocket ? MESSAGES : REQUESTS));
        cases += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.race([peer.closed(), delay(PATIENCE_MS)]);
      peer.end();
    }
  };
  await Promise.all(Array.from({ length: PEERS }, worker));
  return cases;
}
