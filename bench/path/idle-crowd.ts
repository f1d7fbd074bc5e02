/** Many WebSockets that said hello and then nothing, in processes of their own. */
import { randomBytes, randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";

import { clientFrame } from "./events.ts";

/** Handshakes that are under way at once. */
const AT_ONCE = 64;
/** Connections from one address: a source address has 28 000 ports for a server's one. */
const PER_ADDRESS = 10_000;

export class IdleCrowd {
  readonly #port: number;
  readonly #sockets: Socket[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Opens so many more; resolves when all have been welcomed. */
  async open(count: number): Promise<void> {
    let left = count;
    const openSome = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await this.#openOne();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, openSome));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #openOne(): Promise<void> {
    const localAddress = `127.0.0.${2 + Math.floor(this.#sockets.length / PER_ADDRESS)}`;
    const socket = connect({ port: this.#port, host: "127.0.0.1", localAddress });
    this.#sockets.push(socket);
    socket.write(
      "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n" +
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
        `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n` +
        "Sec-WebSocket-Protocol: sluice.v1.json\r\n\r\n",
    );
    const hello = { t: "hello", v: 1, auth: "demo", stream: randomUUID(), next: 1 };
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("data", () => {
        socket.write(clientFrame(Buffer.from(JSON.stringify(hello))));
        socket.once("data", () => {
          socket.removeAllListeners();
          socket.on("error", () => socket.destroy());
          socket.resume();
          resolve();
        });
      });
    });
  }
}
