/**
 * The public listener: uWebSockets is met in this room only. It listens, routes, stops listening;
 * it knows neither events nor Kafka.
 */
import uws from "uWebSockets.js";
import type { TemplatedApp, us_listen_socket } from "uWebSockets.js";
import { addHttpRoutes } from "./http.ts";
import type { HttpDoorParts } from "./http.ts";
import { addWebSocketRoute } from "./websocket.ts";
import type { WebSocketDoorParts } from "./websocket.ts";

/** uWebSockets' LIBUS_LISTEN_DEFAULT and LIBUS_LISTEN_EXCLUSIVE_PORT: without the latter a second
 * gateway on the same port would silently take half of the connections. */
const LISTEN_SHARED = 0;
const LISTEN_EXCLUSIVE = 1;

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Other processes of the same gateway listen on this port too. */
  readonly portShared: boolean;
  readonly http: HttpDoorParts;
  readonly websocket: WebSocketDoorParts;
}

export class Server {
  readonly #app: TemplatedApp;
  readonly #options: ServerOptions;
  #socket: us_listen_socket | null = null;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#app = uws.App();
    addWebSocketRoute(this.#app, options.websocket);
    addHttpRoutes(this.#app, options.http);
  }

  /** The port it listens on. Rejects with a sentence if it cannot have it. */
  listen(): Promise<number> {
    const { host, port, portShared } = this.#options;
    const sharing = portShared ? LISTEN_SHARED : LISTEN_EXCLUSIVE;
    return new Promise((resolve, reject) => {
      this.#app.listen(host, port, sharing, (socket) => {
        if (socket === false) {
          reject(new Error(`cannot listen on ${host}:${port}: is another process there?`));
          return;
        }
        this.#socket = socket;
        resolve(uws.us_socket_local_port(socket));
      });
    });
  }

  /** New connections are refused from here on; those that are open stay. */
  stopListening(): void {
    if (this.#socket !== null) uws.us_listen_socket_close(this.#socket);
    this.#socket = null;
  }

  /** Cuts what is still open. */
  close(): void {
    this.stopListening();
    this.#app.close();
  }
}
