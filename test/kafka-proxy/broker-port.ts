/**
 * The proxy's port for one broker: listens on loopback, keeps the connections through it, and can
 * be cut, silenced and shaped as a whole.
 */
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

import type { Address } from "./addresses.ts";
import { ProxyConnection } from "./connection.ts";
import type { ProxySide } from "./connection.ts";
import type { Shape } from "./outlet.ts";

/** A gateway has a connection per producer and broker. */
const CONNECTIONS_MAX = 1_000;

export type LinkState = "open" | "cut" | "silent";

export class BrokerPort {
  readonly target: Address;
  readonly address: Address;
  /** Node id of the broker; -1 until an answer named it. */
  node: number;
  shape: Shape = {};
  readonly #server: Server;
  readonly #connections = new Set<ProxyConnection>();
  readonly #side: Omit<ProxySide, "node" | "shape">;
  #state: LinkState = "open";
  #accepted = 0;

  private constructor(
    server: Server,
    parts: {
      readonly target: Address;
      readonly node: number;
      readonly side: Omit<ProxySide, "node" | "shape">;
    },
  ) {
    this.#server = server;
    this.#side = parts.side;
    this.target = parts.target;
    this.node = parts.node;
    // The address of a listening TCP server.
    this.address = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    server.on("connection", (client) => this.#accept(client));
  }

  static async listen(parts: {
    readonly target: Address;
    readonly node: number;
    readonly side: Omit<ProxySide, "node" | "shape">;
  }): Promise<BrokerPort> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new BrokerPort(server, parts);
  }

  /** Connections taken so far. */
  get accepted(): number {
    return this.#accepted;
  }

  get open(): number {
    return this.#connections.size;
  }

  /** `cut` resets what is there and what comes; `silent` holds everything and closes nothing. */
  setState(state: LinkState): void {
    this.#state = state;
    if (state === "cut") this.reset();
    for (const connection of this.#connections) connection.setSilent(state === "silent");
  }

  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#state === "cut" || this.#connections.size >= CONNECTIONS_MAX) {
      client.resetAndDestroy();
      return;
    }
    this.#accepted += 1;
    const connection = new ProxyConnection(client, this.target, {
      ...this.#side,
      node: () => this.node,
      shape: () => this.shape,
    });
    this.#connections.add(connection);
    client.once("close", () => this.#connections.delete(connection));
    if (this.#state === "silent") connection.setSilent(true);
  }
}
