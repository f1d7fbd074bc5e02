/**
 * A client over HTTP: sends a batch, reads an outcome for each event, and sends again what has none
 * until it has one or the time is over.
 */
import { sleep } from "k6";
import http from "k6/http";

import type { Meters, Phase } from "./meters.ts";
import type { QueuedEvent } from "./stream-queue.ts";

/** sluice answers within 4 s; whatever takes longer is on the way. */
const TIMEOUT = "15s";
const PAUSE_S = 1;

export interface BatchPlan {
  readonly url: string;
  readonly key: string | null;
  readonly meters: Meters;
  readonly events: readonly QueuedEvent[];
  readonly phaseAt: (atMs: number) => Phase;
  /** ms since 1970, by the timetable. */
  readonly dueMs: number;
  readonly deadlineMs: number;
}

interface Line {
  readonly index: number;
  readonly code?: string;
  readonly path?: string;
  readonly detail?: string;
}

interface Results {
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: readonly Line[];
  readonly retry: readonly Line[];
}

export function sendBatch(plan: BatchPlan): void {
  const { meters, dueMs } = plan;
  meters.offered(plan.events.length);
  let left = plan.events;
  for (;;) {
    const answer = post(plan, left);
    const pauseS = Math.max(PAUSE_S, Number(answer.headers["Retry-After"] ?? 0));
    left = judge(plan, left, answer);
    if (left.length === 0) break;
    if (Date.now() + pauseS * 1_000 > plan.deadlineMs) {
      meters.unsettled(left.length, `the last answer was HTTP ${answer.status}`);
      return;
    }
    sleep(pauseS);
  }
  meters.ackLatency(Date.now() - dueMs, { door: "http", phase: plan.phaseAt(dueMs) });
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

function post({ url, key }: BatchPlan, events: readonly QueuedEvent[]): Answer {
  const body = events.map(({ text }) => text).join("\n");
  const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
  return http.post(`${url}/v1/events`, body, {
    headers: { "content-type": "application/x-ndjson", ...authorization },
    timeout: TIMEOUT,
    tags: { name: "events" },
    responseCallback: http.expectedStatuses(200, 429, 503),
  });
}

/** Settles what has a final outcome and gives the rest. */
function judge(
  { meters }: BatchPlan,
  events: readonly QueuedEvent[],
  { status, body }: Answer,
): readonly QueuedEvent[] {
  if (status === 0) {
    // Whether it arrived is not known.
    meters.sent(events.length);
    meters.broken("http");
    return events;
  }
  const text = String(body);
  // Turned away before any event was received: the ledger does not have them either.
  if (status === 429 || (status === 503 && !text.includes('"retry":['))) return events;
  meters.sent(events.length);
  if (status !== 200 && status !== 503) {
    meters.wrongAnswer(`HTTP ${status}: ${text.slice(0, 300)}`);
    return events;
  }
  return settle(meters, events, JSON.parse(text) as Results);
}

function settle(
  meters: Meters,
  events: readonly QueuedEvent[],
  { stored, duplicate, rejected, retry }: Results,
): readonly QueuedEvent[] {
  if (stored + duplicate + rejected.length + retry.length !== events.length) {
    meters.wrongAnswer(`the outcomes of a batch do not add up: ${stored}, ${duplicate}, …`);
  }
  const refusals = new Map(rejected.map((line) => [line.index, line]));
  const again = new Map(retry.map((line) => [line.index, line]));
  for (const [index, event] of events.entries()) {
    const refusal = refusals.get(index);
    const retryLine = again.get(index);
    if (retryLine !== undefined) {
      meters.retried(retryLine.code ?? "");
    } else if (refusal !== undefined) {
      meters.settled("rejected", event);
      const { code = "", path = "", detail = "" } = refusal;
      if (event.isValid) meters.wrongOutcome("rejected", event, `${code} ${path} ${detail}`);
    } else {
      meters.settled("stored", event);
      if (!event.isValid) meters.wrongOutcome("stored", event, "");
    }
  }
  meters.flush();
  return events.filter((_event, index) => again.has(index));
}
