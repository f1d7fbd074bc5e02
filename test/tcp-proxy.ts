/**
 * A TCP proxy on loopback that can be cut and slowed down: to take a real server away from the
 * gateway and back, or the gateway from its clients.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { Transform } from "node:stream";

export class TcpProxy {
  readonly port: number;
  #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  #accepted = 0;
  /** Milliseconds by which everything comes later, each way. */
  delayMs = 0;

  private constructor(server: Server, target: { readonly host: string; readonly port: number }) {
    this.#server = server;
    this.#target = target;
    // The address of a listening TCP server.
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (client) => this.#forward(client));
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TcpProxy(server, target);
  }

  #forward(client: Socket): void {
    this.#accepted += 1;
    if (this.#isCut) {
      client.destroy();
      return;
    }
    const upstream = connect(this.#target.port, this.#target.host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(this.#late()).pipe(to);
    }
  }

  /** Chunk by chunk: a slow link. */
  #late(): Transform {
    return new Transform({
      transform: (chunk, _encoding, done) => {
        if (this.delayMs === 0) done(null, chunk);
        else setTimeout(() => done(null, chunk), this.delayMs);
      },
    });
  }

  /** Closes every connection, and those to come. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resets every connection that is open. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** What connects from now on meets another server; what is open is closed. */
  retarget(target: { readonly host: string; readonly port: number }): void {
    this.#target = target;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Connections that were asked for so far. */
  get accepted(): number {
    return this.#accepted;
  }

  restore(): void {
    this.#isCut = false;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
