/**
 * The loud tenant of the fairness benchmark, a process of its own: sends so many events a second,
 * whatever it is told, in HTTP requests of 100, or asks for as much on WebSockets and sends what
 * credit allows. Prints what became of them as JSON when it is told to end.
 *
 *   node bench/fairness/flood.ts PORT KEY EVENTS_PER_SECOND http|ws EVENTS_FILE
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";

const EVENTS_PER_REQUEST = 100;
const SOCKETS = 8;
const TICK_MS = 5;
/** Requests that are under way at most: who waits for answers sends no more than that. */
const PENDING_MAX = 200;

const [port = "", key = "", rateText = "", way = "http", eventsFile = ""] = process.argv.slice(2);
const rate = Number(rateText);
const events = readFileSync(eventsFile, "utf8");
const body = Buffer.from(`{"events":${events}}`);
const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
const statuses: Record<string, number> = {};
let sent = 0;
let pending = 0;

const count = (status: string): void => {
  statuses[status] = (statuses[status] ?? 0) + EVENTS_PER_REQUEST;
};

function post(): void {
  pending += 1;
  sent += EVENTS_PER_REQUEST;
  const headers = { "X-Write-Key": key, "Content-Length": body.length };
  const options = { port, host: "127.0.0.1", path: "/v1/events", method: "POST", agent, headers };
  const over = (status: string) => {
    pending -= 1;
    count(status);
  };
  const asked = request(options, (response) => {
    response.resume();
    response.once("end", () => over(String(response.statusCode)));
  });
  asked.once("error", () => over("error"));
  asked.end(body);
}

/** One stream that always has more to send. */
function stream(): void {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, ["sluice.v1.json"]);
  let next = 1;
  let credit = 0;
  socket.onopen = () => {
    socket.send(JSON.stringify({ t: "hello", v: 1, auth: key, stream: randomUUID(), next: 1 }));
  };
  socket.onmessage = ({ data }) => {
    // Frames of our own server.
    const frame = JSON.parse(String(data)) as { readonly credit?: { readonly seq: number } } & {
      readonly t: string;
      readonly seq?: number;
    };
    credit = Math.max(credit, frame.credit?.seq ?? 0, frame.t === "credit" ? (frame.seq ?? 0) : 0);
    while (next + EVENTS_PER_REQUEST - 1 <= credit) {
      socket.send(`{"t":"pub","seq":${next},"events":${events}}`);
      next += EVENTS_PER_REQUEST;
      sent += EVENTS_PER_REQUEST;
      count("credited");
    }
  };
}

const startMs = performance.now();
if (way === "ws") for (let index = 0; index < SOCKETS; index += 1) stream();
const timer = setInterval(() => {
  if (way !== "http") return;
  const due = ((performance.now() - startMs) * rate) / 1_000;
  while (sent < due && pending < PENDING_MAX) post();
}, TICK_MS);

process.once("SIGTERM", () => {
  clearInterval(timer);
  const seconds = (performance.now() - startMs) / 1_000;
  const perSecond = (events_: number) => Math.round(events_ / seconds);
  const toldPerSecond: Record<string, number> = {};
  for (const [status, each] of Object.entries(statuses)) toldPerSecond[status] = perSecond(each);
  const line = `${JSON.stringify({ sentPerSecond: perSecond(sent), toldPerSecond })}\n`;
  process.stdout.write(line, () => process.exit(0));
});
