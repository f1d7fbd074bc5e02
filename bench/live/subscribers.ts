/**
 * Many subscribers in one process, for bench/live.ts: sockets that say hello and count frames by
 * how they begin. Says that it is ready once all are connected; answers each message with the
 * counts.
 *
 * By hand: subscribers.ts COUNT PORT PATH SUBPROTOCOL HELLO
 * In HELLO, a `%d` stands for the number of the subscriber, up to 199, then from 0 again.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

const [count = "0", port = "0", path = "/", subprotocol = "", hello = ""] = process.argv.slice(2);

const EVENT = Buffer.from('{"t":"event"');
const GAP = Buffer.from('{"t":"gap"');
const CONNECTING_MAX = 100;
/** As many visitors as the generator of bench/path has. */
const KEYS = 200;

const counts = { events: 0, gaps: 0 };
/** Subscribers that were told of a gap. */
let gapped = 0;

/** Looks at how frames begin. Any part of a server's stream may come at a time. */
class FrameCounter {
  #skip = 0;
  #head = Buffer.alloc(0);
  #hasGap = false;

  take(chunk: Buffer): void {
    let bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    this.#head = Buffer.alloc(0);
    for (;;) {
      const skipped = Math.min(this.#skip, bytes.length);
      this.#skip -= skipped;
      bytes = bytes.subarray(skipped);
      const short = (bytes[1] ?? 0) & 0x7f;
      const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < headBytes) {
        this.#head = Buffer.from(bytes);
        return;
      }
      const length =
        short === 126
          ? bytes.readUInt16BE(2)
          : short === 127
            ? Number(bytes.readBigUInt64BE(2))
            : short;
      const lookedAt = headBytes + Math.min(length, EVENT.length);
      if (bytes.length < lookedAt) {
        this.#head = Buffer.from(bytes);
        return;
      }
      this.#count(bytes.subarray(headBytes, lookedAt));
      this.#skip = length;
      bytes = bytes.subarray(headBytes);
    }
  }

  #count(start: Buffer): void {
    if (start.equals(EVENT)) counts.events += 1;
    if (!start.subarray(0, GAP.length).equals(GAP)) return;
    counts.gaps += 1;
    if (!this.#hasGap) gapped += 1;
    this.#hasGap = true;
  }
}

function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  // A mask of zeros is a mask, too.
  return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body]);
}

async function open(number: number): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port: Number(port) });
  await once(socket, "connect");
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    ...(subprotocol === "" ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  const end = answer.indexOf("\r\n\r\n");
  if (!answer.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error("no upgrade");
  const counter = new FrameCounter();
  counter.take(answer.subarray(end + 4));
  socket.on("data", (chunk: Buffer) => counter.take(chunk));
  socket.write(textFrame(hello.replace("%d", String(number % KEYS))));
}

for (let opened = 0; opened < Number(count); opened += CONNECTING_MAX) {
  const batch = Math.min(CONNECTING_MAX, Number(count) - opened);
  await Promise.all(Array.from({ length: batch }, (_, index) => open(opened + index)));
}
process.on("message", () => void process.send?.({ ...counts, gapped }));
process.on("disconnect", () => process.exit());
process.send?.("ready");
