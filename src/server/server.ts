/**
 * The public listener: uWebSockets is met in this room only. It listens, with TLS or without,
 * routes, stops listening; it knows neither events nor Kafka.
 */
import uws from "uWebSockets.js";
import type { TemplatedApp, us_listen_socket } from "uWebSockets.js";
import type { CertificateFiles } from "./certificate.ts";
import { addHttpRoutes } from "./http.ts";
import type { HttpDoorParts } from "./http.ts";
import { addLiveRoute } from "./live-door.ts";
import type { LiveDoorParts } from "./live-door.ts";
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
  /** Absent: no TLS. */
  readonly tls?: CertificateFiles;
  readonly http: HttpDoorParts;
  readonly websocket: WebSocketDoorParts;
  readonly live: LiveDoorParts;
}

export class Server {
  readonly #options: ServerOptions;
  /**
   * The one that listens is the last; those before it still serve connections of older
   * certificates.
   */
  readonly #apps: TemplatedApp[] = [];
  #socket: us_listen_socket | null = null;
  #port = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    const { live, http } = options;
    live.hub.publish = (channel, frame) => {
      for (const app of this.#apps) app.publish(channel, frame.text);
      http.liveEvents.publish(channel, frame);
    };
  }

  /** The port it listens on. Rejects with a sentence if it cannot have it. */
  async listen(): Promise<number> {
    const { port, tls } = this.#options;
    if (this.#port === 0) this.#port = port;
    // uWebSockets lets an address be used again only where it was told the port, and a renewed
    // certificate listens on it again while connections are open.
    if (this.#port === 0 && tls !== undefined) {
      await this.#listenOn(0);
      this.stopListening();
    }
    return await this.#listenOn(this.#port);
  }

  #listenOn(port: number): Promise<number> {
    const app = this.#makeApp();
    const { host, portShared } = this.#options;
    const sharing = portShared ? LISTEN_SHARED : LISTEN_EXCLUSIVE;
    return new Promise((resolve, reject) => {
      app.listen(host, port, sharing, (socket) => {
        if (socket === false) {
          const reason = "is another process there? Another --port may be free";
          reject(new Error(`cannot listen on ${host}:${port}: ${reason}`));
          return;
        }
        this.#apps.push(app);
        this.#socket = socket;
        this.#port = uws.us_socket_local_port(socket);
        resolve(this.#port);
      });
    });
  }

  #makeApp(): TemplatedApp {
    const { tls, http, websocket, live } = this.#options;
    const app = tls === undefined ? uws.App() : uws.SSLApp(sslOptions(tls));
    addWebSocketRoute(app, websocket);
    addLiveRoute(app, live);
    addHttpRoutes(app, http);
    return app;
  }

  /**
   * The certificate's files were replaced by sound ones: new connections get the new certificate,
   * those that are open keep theirs. Between the two listeners there is no turn of the event loop.
   */
  async renewCertificate(): Promise<void> {
    if (this.#socket === null) return;
    this.stopListening();
    await this.listen();
  }

  /** New connections are refused from here on; those that are open stay. */
  stopListening(): void {
    if (this.#socket !== null) uws.us_listen_socket_close(this.#socket);
    this.#socket = null;
  }

  /** Cuts what is still open. */
  close(): void {
    this.stopListening();
    for (const app of this.#apps) app.close();
  }
}

function sslOptions({ certFile, keyFile, clientCaFile }: CertificateFiles) {
  const options = { cert_file_name: certFile, key_file_name: keyFile };
  return clientCaFile === undefined ? options : { ...options, ca_file_name: clientCaFile };
}
