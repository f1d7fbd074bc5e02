/**
 * What is kept of an HTTP request: uWebSockets' request object dies with its callback, so
 * everything is copied out at once, in one pass over the headers that also finds those which must
 * not repeat.
 */
import type { HttpRequest } from "uWebSockets.js";
import { isPrivateName } from "../lib/private-name.ts";
import { NOBODY } from "./nearby.ts";
import type { Nearby } from "./nearby.ts";

export interface Headers {
  get(name: string): string | undefined;
  keys(): Iterable<string>;
}

export interface RequestHead {
  readonly method: string;
  /** Without a trailing slash. */
  readonly path: string;
  /** Without "?", "" if there is none. */
  readonly query: string;
  readonly header: Readonly<Record<HeaderName, string>>;
  /** All headers, by their names in lower case; of one that repeats the last. */
  readonly headers: Headers;
  /** The client's, behind proxies that are trusted; "" if the connection is gone. */
  readonly address: string;
  /** Of a checked certificate of the client, RFC 4514; "" without one. */
  readonly certificateSubject: string;
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

/** Copied for every request: a copy of a finished object is cheaper than making it. */
const NO_HEADERS = Object.fromEntries(HEADER_NAMES.map((name) => [name, ""]));

const PROXY_HEADERS = ["forwarded", "x-forwarded-for", "x-real-ip"] as const;
/** What a trusted proxy says of the client's certificate. */
const CERTIFICATE_VERIFIED = "x-client-cert-verify";
const CERTIFICATE_SUBJECT = "x-client-cert-subject";

const ONCE_ONLY = [
  "content-length",
  "content-type",
  "transfer-encoding",
  "host",
  "authorization",
  CERTIFICATE_VERIFIED,
  CERTIFICATE_SUBJECT,
] as const;

/** What is done about a header besides remembering it. */
interface HeaderRule {
  /** The name as the text that the program has: V8 looks members up by that one faster. */
  readonly name: string;
  readonly isKept: boolean;
  readonly isOnceOnly: boolean;
  readonly isProxys: boolean;
}

const RULES: ReadonlyMap<string, HeaderRule> = new Map(
  [...HEADER_NAMES, ...PROXY_HEADERS, ...ONCE_ONLY].map((name: string) => {
    const isIn = (names: readonly string[]) => names.includes(name);
    const isKept = isIn(HEADER_NAMES);
    return [name, { name, isKept, isOnceOnly: isIn(ONCE_ONLY), isProxys: isIn(PROXY_HEADERS) }];
  }),
);

/** A request has few headers and few of them are asked for: looking is cheaper than a map. */
class HeaderList implements Headers {
  readonly #names: string[] = [];
  readonly #values: string[] = [];

  add(name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  get(name: string): string | undefined {
    // V8 has no quick way for lastIndexOf.
    for (let at = this.#names.length - 1; at >= 0; at -= 1) {
      if (this.#names[at] === name) return this.#values[at];
    }
    return undefined;
  }

  keys(): Iterable<string> {
    return new Set(this.#names);
  }
}

/** Methods as uWebSockets writes them. */
const METHODS: ReadonlyMap<string, string> = new Map(
  ["POST", "GET", "OPTIONS", "HEAD"].map((method) => [method.toLowerCase(), method]),
);

export function readHead(request: HttpRequest, nearby: Nearby = NOBODY): RequestHead {
  const header: Record<string, string> = { ...NO_HEADERS };
  const headers = new HeaderList();
  let repeated: string | null = null;
  let proxied = nearby.proxied !== "";
  let forwardedFor = "";
  request.forEach((name, value) => {
    const rule = RULES.get(name);
    if (rule !== undefined) {
      if (rule.isOnceOnly && headers.get(name) !== undefined) repeated = name;
      if (rule.isKept) header[rule.name] = value;
      if (rule.isProxys) proxied = true;
      // Some proxies add a line of their own below the one a client may have written.
      if (name === "x-forwarded-for") forwardedFor += forwardedFor === "" ? value : `,${value}`;
    }
    headers.add(name, value);
  });
  const { remote, proxied: behind, trusted } = nearby;
  const client = trusted.clientOf({ remote, proxied: behind, forwardedFor });
  // Every name of HEADER_NAMES was set above.
  const head = header as Readonly<Record<HeaderName, string>>;
  return {
    method: methodOf(request.getMethod()),
    path: withoutTrailingSlash(request.getUrl()),
    query: queryOf(request),
    header: head,
    headers,
    address: client.address,
    certificateSubject:
      nearby.certificateSubject || (client.isTrusted ? forwardedSubject(headers) : ""),
    framingFault: framingFault(head, repeated),
    proxied,
  };
}

function methodOf(name: string): string {
  return METHODS.get(name) ?? name.toUpperCase();
}

/** The subject of a certificate that a trusted proxy has checked; "" if it says no such thing. */
function forwardedSubject(headers: Headers): string {
  if (headers.get(CERTIFICATE_VERIFIED) !== "SUCCESS") return "";
  return headers.get(CERTIFICATE_SUBJECT) ?? "";
}

/** What admission is told of a request besides its credentials. `isLocal`: the server's host is. */
export function applicantOf(head: RequestHead, isLocal: boolean) {
  const { header, headers, certificateSubject, proxied, address } = head;
  // A page whose name leads to this machine reads here as at home, without an Origin.
  const loopback = isLocal && !proxied && isPrivateName(headers.get("host") ?? "");
  return { origin: header.origin, certificateSubject, address, loopback };
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
