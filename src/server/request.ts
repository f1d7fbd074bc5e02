/**
 * What is kept of an HTTP request: uWebSockets' request object dies with its callback, so
 * everything is copied out at once, in one pass over the headers that also finds those which must
 * not repeat.
 */
import type { HttpRequest } from "uWebSockets.js";

export interface RequestHead {
  readonly method: string;
  /** Without a trailing slash. */
  readonly path: string;
  /** Without "?", "" if there is none. */
  readonly query: string;
  readonly header: Readonly<Record<HeaderName, string>>;
  /** All headers, by their names in lower case; of one that repeats the last. */
  readonly headers: ReadonlyMap<string, string>;
  /** At the other end of the connection; "" if it is gone. */
  readonly address: string;
  /** A sentence if the framing of the request is not sound (RFC 9112 §6). */
  readonly framingFault: string | null;
  /** A proxy has passed the request on. */
  readonly proxied: boolean;
}

const HEADER_NAMES = [
  "authorization",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "if-none-match",
  "origin",
  "prefer",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "sluice-replay",
  "transfer-encoding",
  "x-write-key",
] as const;

type HeaderName = (typeof HEADER_NAMES)[number];

const KEPT: ReadonlySet<string> = new Set(HEADER_NAMES);
const PROXY_HEADERS: ReadonlySet<string> = new Set(["forwarded", "x-forwarded-for", "x-real-ip"]);
const ONCE_ONLY: ReadonlySet<string> = new Set([
  "content-length",
  "content-type",
  "transfer-encoding",
  "host",
  "authorization",
]);

export function readHead(request: HttpRequest, address = ""): RequestHead {
  const header = Object.fromEntries(HEADER_NAMES.map((name) => [name, ""]));
  const headers = new Map<string, string>();
  let repeated: string | null = null;
  let proxied = false;
  request.forEach((name, value) => {
    if (KEPT.has(name)) header[name] = value;
    if (PROXY_HEADERS.has(name)) proxied = true;
    if (ONCE_ONLY.has(name) && headers.has(name)) repeated = name;
    headers.set(name, value);
  });
  // Every name of HEADER_NAMES was set above.
  const head = header as Readonly<Record<HeaderName, string>>;
  return {
    method: request.getMethod().toUpperCase(),
    path: withoutTrailingSlash(request.getUrl()),
    query: queryOf(request),
    header: head,
    headers,
    address,
    framingFault: framingFault(head, repeated),
    proxied,
  };
}

/** What fields that the gateway fills may hold of who sent the request. */
export function senderOf({ address, headers }: RequestHead): { ip: string; userAgent: string } {
  return { ip: address, userAgent: headers.get("user-agent") ?? "" };
}

/**
 * uWebSockets gives undefined where the URL has no "?", whatever the type of this overload says.
 */
function queryOf(request: { readonly getQuery: () => string | undefined }): string {
  return request.getQuery() ?? "";
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function framingFault(
  header: Readonly<Record<HeaderName, string>>,
  repeated: string | null,
): string | null {
  if (repeated !== null) return `the header ${repeated} stands twice`;
  const coding = header["transfer-encoding"];
  const length = header["content-length"];
  if (coding !== "" && coding.toLowerCase() !== "chunked")
    return "the only Transfer-Encoding taken is chunked";
  if (coding !== "" && length !== "")
    return "Content-Length and Transfer-Encoding exclude each other";
  if (length !== "" && !/^\d{1,15}$/.test(length)) return "Content-Length is not a number";
  if (header.expect !== "" && header.expect.toLowerCase() !== "100-continue") {
    return "the only Expect taken is 100-continue";
  }
  return null;
}
