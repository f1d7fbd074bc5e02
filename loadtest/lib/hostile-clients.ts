/**
 * Clients that break the contract, one breach at a time, and the answer that each must get. What
 * they send holds no event, so that the ledger is not moved.
 */
import http from "k6/http";
import { WebSocket } from "k6/websockets";

import { setAlarm } from "./alarm.ts";
import type { Meters } from "./meters.ts";

const PROTOCOL = "sluice.v1.json";
/** A breach that has had no answer by then never gets one. */
const ANSWER_PATIENCE_MS = 8_000;

interface Target {
  readonly url: string;
  readonly streamUrl: string;
  readonly meters: Meters;
}

interface Request {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
}

const EVENTS = "/v1/events";

const REQUESTS: readonly Request[] = [
  { what: "an empty body", method: "POST", path: EVENTS, body: "", status: 400 },
  { what: "half an object", method: "POST", path: EVENTS, body: '{"events":[', status: 400 },
  { what: "a page that is not there", method: "POST", path: "/v2/events", body: "{}", status: 404 },
  { what: "a method that is not taken", method: "PUT", path: EVENTS, body: "{}", status: 405 },
  {
    what: "a coding that is not taken",
    method: "POST",
    path: EVENTS,
    body: "{}",
    headers: { "content-encoding": "br" },
    status: 415,
  },
  {
    what: "a body over the limit",
    method: "POST",
    path: EVENTS,
    body: `{"events":[${" ".repeat(1_100_000)}]}`,
    status: 413,
  },
  {
    what: "too many events",
    method: "POST",
    path: EVENTS,
    body: `[${Array.from({ length: 501 }, () => "{}").join(",")}]`,
    status: 413,
  },
];

interface Breach {
  readonly what: string;
  /** Sent once the socket is open, one message after another. */
  readonly messages: readonly (string | ArrayBuffer)[];
  readonly close: number;
}

const HELLO = '{"t":"hello","v":1,"stream":"STREAM","next":1}';

const BREACHES: readonly Breach[] = [
  { what: "text that is no JSON", messages: ["hello?"], close: 4_400 },
  { what: "a binary frame", messages: [HELLO, new Uint8Array([1, 2, 3]).buffer], close: 1_003 },
  { what: "a version of the future", messages: [HELLO.replace(":1,", ":9,")], close: 4_426 },
  { what: "something before hello", messages: ['{"t":"ping","n":1}'], close: 4_408 },
  {
    what: "a gap",
    messages: [HELLO, '{"t":"pub","seq":7,"events":[{"type":"page","data":{}}]}'],
    close: 4_400,
  },
];

/** One breach, of either kind. */
export function provoke(target: Target): void {
  const choice = Math.floor(Math.random() * (REQUESTS.length + BREACHES.length));
  const request = REQUESTS[choice];
  const breach = BREACHES[choice - REQUESTS.length];
  if (request !== undefined) ask(target, request);
  else if (breach !== undefined) violate(target, breach);
}

function ask(
  { url, meters }: Target,
  { what, method, path, body, headers, status }: Request,
): void {
  const answer = http.request(method, url + path, body, {
    headers: { "content-type": "application/json", ...headers },
    tags: { name: "hostile" },
    responseCallback: http.expectedStatuses(status),
  });
  if (answer.status === status) return;
  // A body that is refused may be cut off while it is still being sent.
  if (status === 413 && answer.status === 0) return;
  if (answer.status === 0) meters.missingAnswer(`${what}: no answer`);
  else meters.wrongAnswer(`${what}: HTTP ${answer.status} instead of ${status}`);
}

function violate({ streamUrl, meters }: Target, { what, messages, close }: Breach): void {
  // The types know no list of protocols as null does not, yet a string is one.
  const socket = new WebSocket(streamUrl, PROTOCOL as unknown as null);
  const patience = setAlarm(Date.now() + ANSWER_PATIENCE_MS, () => {
    meters.missingAnswer(`${what}: no answer`);
    socket.close();
  });
  const waiting = [...messages];
  const sendNext = (): void => {
    const message = waiting.shift();
    if (message === undefined) return;
    const isText = typeof message === "string";
    socket.send(isText ? message.replace("STREAM", crypto.randomUUID()) : message);
  };
  socket.onopen = sendNext;
  // After the welcome what comes next.
  socket.onmessage = sendNext;
  socket.onerror = () => {
    // A close follows always.
  };
  socket.addEventListener("close", (event) => {
    patience.clear();
    const { code = 0 } = event as { readonly code?: number };
    if (code !== close) meters.wrongAnswer(`${what}: closed with ${code} instead of ${close}`);
  });
}
