/**
 * A peer that no library stands in for: bytes over TCP, and what comes back. It builds requests,
 * upgrades and WebSocket frames that may be as wrong as a test wants; it knows nothing of events.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

/** A server that means to answer or to close has done so by then; beyond it the test has failed. */
const PATIENCE_MS = 90_000;

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** The whole answers in what came back; a last one that is cut off is left out. */
export function answersOf(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(rest)?.[1] ?? 0);
    if (end < 0 || status === 0) return answers;
    const head = rest.slice(0, end + 2);
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
    if (rest.length < end + 4 + length) return answers;
    answers.push({ status, head, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
}

/** One connection; everything the server says is gathered. */
export class RawPeer {
  readonly socket: Socket;
  #text = "";
  #isClosed = false;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#wake();
    });
    const over = () => {
      this.#isClosed = true;
      this.#wake();
    };
    for (const name of ["end", "close", "error"]) socket.on(name, over);
  }

  static async connect(port: number): Promise<RawPeer> {
    const peer = new RawPeer(connect({ port, host: "127.0.0.1", noDelay: true }));
    await once(peer.socket, "connect");
    return peer;
  }

  /** An upgraded connection; throws if the upgrade was refused. */
  static async upgraded(port: number, head = upgradeHead()): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    peer.send(head);
    await peer.until((text) => text.includes("\r\n\r\n"));
    if (!peer.text.startsWith("HTTP/1.1 101 ")) throw new Error(`no upgrade: ${peer.text}`);
    return peer;
  }

  /** One character a byte (Latin 1). */
  get text(): string {
    return this.#text;
  }

  /** The server has closed or broken the connection. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  get answers(): readonly RawAnswer[] {
    return answersOf(this.#text);
  }

  send(bytes: string | Uint8Array): void {
    if (this.#isClosed) return;
    if (typeof bytes === "string") this.socket.write(bytes, "latin1");
    else this.socket.write(bytes);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Waits for `isThere`, or the end of the connection; throws when neither comes in time. */
  async until(isThere: (text: string) => boolean): Promise<void> {
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, PATIENCE_MS);
    while (!isLate && !this.#isClosed && !isThere(this.#text)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    clearTimeout(deadline);
    if (isLate) throw new Error(`the server neither answered nor closed: ${this.#text}`);
  }

  answered(count = 1): Promise<void> {
    return this.until((text) => answersOf(text).length >= count);
  }

  closed(): Promise<void> {
    return this.until(() => false);
  }

  /** Goes away without a goodbye. */
  end(): void {
    this.socket.destroy();
  }
}

/** Sends bytes on a connection of their own and waits until the server has closed it. */
export async function untilClosed(port: number, bytes: string | Uint8Array): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  peer.send(bytes);
  await peer.closed();
  peer.end();
  return peer;
}

/** Sends bytes on a connection of their own and waits for the answer to them. */
export async function untilAnswered(port: number, bytes: string | Uint8Array): Promise<RawAnswer> {
  const peer = await RawPeer.connect(port);
  peer.send(bytes);
  await peer.answered();
  peer.end();
  return peer.answers[0] ?? { status: 0, head: "", body: "" };
}

/** A request for POST /v1/events; headers as lines, nothing is added but Host. */
export function postRequest(headers: readonly string[], body: string): string {
  return ["POST /v1/events HTTP/1.1", "Host: x", ...headers, "", body].join("\r\n");
}

/** With the length of its body, which is of one byte a character. */
export function soundPost(body: string, headers: readonly string[] = []): string {
  return postRequest([`Content-Length: ${body.length}`, ...headers], body);
}

export function chunked(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

export const SOUND_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

const UPGRADE = {
  Host: "x",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": SOUND_KEY,
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Protocol": "sluice.v1.json",
};

/** `headers` replaces or adds; an undefined one is left out. */
export function upgradeHead(
  headers: Readonly<Record<string, string | undefined>> = {},
  target = "/v1/stream",
): string {
  const lines = Object.entries({ ...UPGRADE, ...headers })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return [`GET ${target} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

export const OPCODE = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** The bit of a frame's first byte that says: the message ends here. */
export const FIN = 0x80;

/** A masked frame (RFC 6455 §5.2); `head` is its first byte. */
export function frame(head: number, payload: string | Uint8Array = ""): Buffer {
  const body = Buffer.from(payload);
  const mask = randomBytes(4);
  const masked = body.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([Buffer.from([head, ...lengthBytes(body.length)]), mask, masked]);
}

function lengthBytes(length: number): readonly number[] {
  if (length <= 125) return [FIN | length];
  if (length <= 0xffff) return [FIN | 126, length >> 8, length & 0xff];
  const long = Buffer.alloc(8);
  long.writeBigUInt64BE(BigInt(length));
  return [FIN | 127, ...long];
}

export function textFrame(message: string | object): Buffer {
  return frame(FIN | OPCODE.text, typeof message === "string" ? message : JSON.stringify(message));
}

/** Close codes in what a server has sent behind its answer to the upgrade, in their order. */
export function closeCodes(text: string): number[] {
  const bytes = Buffer.from(text.slice(text.indexOf("\r\n\r\n") + 4), "latin1");
  const codes: number[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (at + head > bytes.length) break;
    const long = short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : 0;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? long : short;
    if (((bytes[at] ?? 0) & 0x0f) === OPCODE.close && length >= 2) {
      codes.push(bytes.readUInt16BE(at + head));
    }
    at += head + length;
  }
  return codes;
}
