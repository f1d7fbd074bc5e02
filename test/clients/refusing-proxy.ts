/**
 * An HTTP proxy before a gateway that answers events itself as often as it is told, the way the
 * gateway would. It keeps what it has seen: how often a client came, with what, and when.
 */
import { createServer, request } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Refusal {
  readonly status: number;
  readonly retryAfterSeconds: number;
}

export interface Seen {
  readonly path: string;
  readonly status: number;
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly headers: IncomingMessage["headers"];
}

export class RefusingProxy {
  /** Refusals to come, first first. */
  readonly refusals: Refusal[] = [];
  /** Requests of events that were answered, by whomever. */
  readonly seen: Seen[] = [];
  readonly #target: string;
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  private constructor(target: string, server: Server) {
    this.#target = target;
    this.#server = server;
    server.on("request", (incoming, response) => this.#serve(incoming, response));
  }

  static async start(target: string): Promise<RefusingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new RefusingProxy(target, server);
  }

  get url(): string {
    // The address of a listening TCP server.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    const refusal = incoming.method === "POST" ? this.refusals.shift() : undefined;
    if (refusal === undefined) this.#forward(incoming, response);
    else {
      incoming.resume();
      incoming.on("end", () => {
        this.#note(incoming, refusal.status);
        response.writeHead(refusal.status, {
          "Content-Type": "application/json",
          "Retry-After": String(refusal.retryAfterSeconds),
          "Access-Control-Allow-Origin": incoming.headers.origin ?? "*",
          "Access-Control-Expose-Headers": "Retry-After",
        });
        response.end('{"success":false,"code":"unavailable","message":"later"}');
      });
    }
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url = "/", headers } = incoming;
    const onward = request(this.#target + url, { method, headers }, (answer) => {
      const status = answer.statusCode ?? 0;
      if (method === "POST") this.#note(incoming, status);
      response.writeHead(status, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  }

  #note({ url = "", headers }: IncomingMessage, status: number): void {
    this.seen.push({ path: url, status, atMs: performance.now(), headers });
    for (const look of this.#waiting) look();
  }

  /** So many requests of events were answered with 200 since `first`; gives all answers since. */
  async taken(count: number, first: number): Promise<readonly Seen[]> {
    return new Promise((resolve) => {
      const look = (): void => {
        const seen = this.seen.slice(first);
        if (seen.filter(({ status }) => status === 200).length < count) return;
        this.#waiting.delete(look);
        resolve(seen);
      };
      this.#waiting.add(look);
      look();
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
