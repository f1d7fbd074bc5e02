/**
 * Sends events to a running gateway over HTTP until each has its final outcome: what is `retry`, or
 * meets a gateway that asks for patience, is sent again after the time it names.
 */
import { setTimeout as delay } from "node:timers/promises";

import { CommandError } from "./command.ts";

export interface SendCounts {
  stored: number;
  duplicate: number;
  rejected: number;
}

interface Answer {
  readonly stored?: number;
  readonly duplicate?: number;
  readonly rejected?: readonly unknown[];
  readonly retry?: readonly { readonly index: number }[];
  readonly detail?: string;
}

/** A gateway that takes nothing for so long is given up. */
const PATIENCE_MS = 120_000;
const REQUEST_TIMEOUT_MS = 30_000;

export class EventSender {
  readonly #url: string;
  readonly #signal: AbortSignal;

  constructor(options: { readonly url: string; readonly signal: AbortSignal }) {
    this.#url = `${options.url.replace(/\/+$/, "")}/v1/events`;
    this.#signal = options.signal;
  }

  /** `events`: JSON each. @throws {CommandError} when the gateway does not take them */
  async send(events: readonly string[], writeKey: string): Promise<SendCounts> {
    const counts: SendCounts = { stored: 0, duplicate: 0, rejected: 0 };
    let open = events;
    let waitedMs = 0;
    while (open.length > 0) {
      const response = await this.#post(open, writeKey);
      const answer = (await response.json()) as Answer;
      if (response.ok) {
        counts.stored += answer.stored ?? 0;
        counts.duplicate += answer.duplicate ?? 0;
        counts.rejected += answer.rejected?.length ?? 0;
        const left = (answer.retry ?? []).map(({ index }) => open[index] ?? "");
        if (left.length < open.length) waitedMs = 0;
        open = left;
      } else if (response.status !== 503 && response.status !== 429) {
        throw new CommandError(`${this.#url} answered ${response.status}: ${answer.detail ?? ""}.`);
      }
      if (open.length === 0) break;
      const waitMs = 1_000 * Math.max(1, Number(response.headers.get("retry-after") ?? 1));
      waitedMs += waitMs;
      if (waitedMs > PATIENCE_MS) {
        throw new CommandError(`${this.#url} has taken no event for ${PATIENCE_MS / 1_000} s.`);
      }
      await delay(waitMs, undefined, { signal: this.#signal });
    }
    return counts;
  }

  async #post(events: readonly string[], writeKey: string): Promise<Response> {
    const headers = {
      "content-type": "application/json",
      "x-write-key": writeKey,
      "sluice-replay": "1",
    };
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
    const body = `{"events":[${events.join(",")}]}`;
    try {
      return await fetch(this.#url, { method: "POST", headers, body, signal });
    } catch (error) {
      if (this.#signal.aborted) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new CommandError(`No gateway answers at ${this.#url} (${reason}).`);
    }
  }
}
