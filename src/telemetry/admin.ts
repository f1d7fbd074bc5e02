/**
 * The admin server: health, metrics, and read-only routes other rooms plug in. It listens on a
 * private address, speaks plain HTTP/1.1 and takes no bodies. It knows nothing of what it shows.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { isOwnName } from "../lib/private-name.ts";
import type { Logger } from "./logger.ts";
import { METRICS_CONTENT_TYPE, OPEN_METRICS_CONTENT_TYPE } from "./metric-registry.ts";

/** One answer of a health endpoint: 200 when `ok`, else 503. */
export interface HealthReport {
  readonly ok: boolean;
  readonly state: string;
  /** Sentences; empty when ok. */
  readonly reasons: readonly string[];
}

export interface Health {
  /** The event loop turns. Never tied to Kafka: a restart mends nothing there. */
  live(): HealthReport;
  /** Send traffic here. */
  ready(): HealthReport;
  /** Has been ready once. */
  started(): HealthReport;
}

interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface AdminRequest {
  /** As sent, without the query; for messages. */
  readonly path: string;
  /** The parts between the slashes, each decoded by itself: a subject may hold a slash. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  /** The header of that name, "" without one. */
  readonly accept: string;
}

export interface AdminRoute {
  /** Starts with a slash; takes the path itself and everything below it. */
  readonly prefix: string;
  /** Answered under whatever name it is asked for: it says nothing that is worth a trick. */
  readonly isPublic?: boolean;
  /** Null: there is nothing there (404). */
  readonly answer: (request: AdminRequest) => AdminAnswer | null | Promise<AdminAnswer | null>;
}

export interface AdminServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Under which it is asked, beside `host`, addresses, and names that no public DNS has. */
  readonly names?: readonly string[];
  readonly health: Health;
  /** The Prometheus text format. */
  readonly metrics: () => Promise<string>;
  /** The same as OpenMetrics, for those who ask for it; absent: they get the text format. */
  readonly openMetrics?: () => Promise<string>;
  readonly routes?: readonly AdminRoute[];
  readonly log: Logger;
}

export interface AdminServer {
  /** Resolves with the base URL once it listens; rejects when the port is taken. */
  start(): Promise<string>;
  /** Adds a route while it runs; the longest prefix wins. */
  addRoute(route: AdminRoute): void;
  /** Stops listening and cuts what is open. */
  stop(): Promise<void>;
}

const CONNECTIONS_MAX = 128;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const HEADER_BYTES_MAX = 8 * 1024;
const PATH_LENGTH_MAX = 2_048;

const JSON_TYPE = "application/json; charset=utf-8";

export function createAdminServer(options: AdminServerOptions): AdminServer {
  const routes: AdminRoute[] = [...builtInRoutes(options), ...(options.routes ?? [])];
  const names = [options.host, ...(options.names ?? [])];
  /** Connections with an answer that is not out yet. */
  const busy = new WeakSet<Socket>();
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      const { socket } = request;
      // Answers that are asked for and never read would pile up here.
      if (busy.has(socket)) {
        socket.destroy();
        return;
      }
      busy.add(socket);
      response.on("finish", () => busy.delete(socket));
      answer(request, { routes, names })
        .catch((error: unknown) => {
          options.log.error("admin route failed", { path: request.url, error });
          return problem(500, "An error inside sluice");
        })
        .then((result) => send({ request, response, result }))
        .catch(() => response.destroy());
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  return {
    start: () => listen(server, options),
    addRoute: (route) => {
      routes.push(route);
    },
    stop: async () => {
      if (!server.listening) {
        return;
      }
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function builtInRoutes(options: AdminServerOptions): AdminRoute[] {
  const { health } = options;
  const healthRoute = (prefix: string, report: () => HealthReport): AdminRoute => ({
    prefix,
    // Balancers ask for it by the name of their service.
    isPublic: true,
    answer: ({ segments }) => {
      if (segments.length !== 1) {
        return null;
      }
      const result = report();
      const { state, reasons } = result;
      const body = `${JSON.stringify({ ok: result.ok, state, reasons })}\n`;
      return { status: result.ok ? 200 : 503, contentType: JSON_TYPE, body };
    },
  });
  return [
    healthRoute("/livez", () => health.live()),
    healthRoute("/readyz", () => health.ready()),
    healthRoute("/startupz", () => health.started()),
    {
      prefix: "/metrics",
      answer: async ({ segments, accept }) => {
        if (segments.length !== 1) return null;
        if (options.openMetrics !== undefined && accept.includes("application/openmetrics-text")) {
          const body = await options.openMetrics();
          return { status: 200, contentType: OPEN_METRICS_CONTENT_TYPE, body };
        }
        return { status: 200, contentType: METRICS_CONTENT_TYPE, body: await options.metrics() };
      },
    },
  ];
}

const STRANGE_NAME =
  "The admin port is not asked by this name: use its address, or name it in SLUICE_ADMIN_NAMES";

async function answer(
  request: IncomingMessage,
  { routes, names }: { readonly routes: readonly AdminRoute[]; readonly names: readonly string[] },
): Promise<AdminAnswer> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return problem(405, "This path does not take this method");
  }
  const target = request.url ?? "/";
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  if (path.length > PATH_LENGTH_MAX) {
    return problem(414, "The path is too long");
  }
  const { accept = "", host = "" } = request.headers;
  const segments = decodeSegments(path);
  if (segments === null) {
    return problem(400, "The path is not well-formed");
  }
  const query = new URLSearchParams(question < 0 ? "" : target.slice(question + 1));
  const route = routes
    .filter((candidate) => isBelow(path, candidate.prefix))
    .reduce<AdminRoute | undefined>(
      (best, next) => (next.prefix.length > (best?.prefix.length ?? -1) ? next : best),
      undefined,
    );
  if (route?.isPublic !== true && !isOwnName(host, names)) return problem(403, STRANGE_NAME);
  return (
    (await route?.answer({ path, segments, query, accept })) ??
    problem(404, "There is nothing at this path")
  );
}

/** Null when the escapes are broken. A slash at the end adds no segment. */
function decodeSegments(path: string): readonly string[] | null {
  try {
    const segments = path.split("/").slice(1).map(decodeURIComponent);
    return segments.at(-1) === "" ? segments.slice(0, -1) : segments;
  } catch {
    return null;
  }
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

function problem(status: number, title: string): AdminAnswer {
  const body = `${JSON.stringify({ status, title })}\n`;
  return { status, contentType: "application/problem+json", body };
}

function send(exchange: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly result: AdminAnswer;
}): void {
  const { request, response, result } = exchange;
  response.writeHead(result.status, {
    "content-type": result.contentType,
    "content-length": Buffer.byteLength(result.body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...result.headers,
    ...(result.status === 405 ? { allow: "GET, HEAD" } : {}),
    // A body nobody asked for is not read: the connection ends with the answer.
    ...(hasBody(request) ? { connection: "close" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : result.body);
}

function hasBody(request: IncomingMessage): boolean {
  const { headers } = request;
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

async function listen(
  server: Server,
  options: Pick<AdminServerOptions, "host" | "port" | "log">,
): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port, exclusive: true }, () => {
      server.off("error", reject);
      server.on("error", (error) => options.log.warn("admin server error", { error }));
      resolve();
    });
  });
  // A TCP server's address is an object; a string would be a pipe's name.
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
