/**
 * A service's ear: events of some types from the gateway's live feed, one after another, from the
 * place where it was. Broken connections are made anew; what comes twice by that is the service's
 * to know.
 */
import { setTimeout as delay } from "node:timers/promises";

import type { DomainEvent } from "./envelope.ts";

const RECONNECT_MS = 300;

export interface FeedOptions {
  /** Base URL of the gateway. */
  readonly url: string;
  readonly secretKey: string;
  readonly types: readonly string[];
  /** A token, or where there is none the time to begin at (ms since 1970). */
  readonly from: string | number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: DomainEvent) => Promise<void>;
  /** All events before it have been handled. */
  readonly onToken: (token: string) => Promise<void>;
}

interface Frame {
  readonly t: string;
  readonly token?: string;
  readonly value?: DomainEvent | null;
  readonly detail?: string;
  readonly fatal?: boolean;
}

/** Until the signal. */
export async function follow(options: FeedOptions): Promise<void> {
  let from = options.from;
  const keep = async (token: string): Promise<void> => {
    await options.onToken(token);
    from = token;
  };
  while (!options.signal.aborted) {
    await connection({ ...options, from, onToken: keep });
    await delay(RECONNECT_MS, undefined, { signal: options.signal }).catch(() => {});
  }
}

/** Resolves when the connection has ended and all that came by it is handled. */
async function connection(options: FeedOptions): Promise<void> {
  const { url, secretKey, types, from, signal } = options;
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/live`, ["sluice.live.v1.json"]);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const abort = (): void => socket.close();
  signal.addEventListener("abort", abort, { once: true });
  let handled = Promise.resolve();
  let isBroken = false;
  socket.onopen = () => {
    const place = typeof from === "number" ? from : { token: from };
    socket.send(JSON.stringify({ t: "subscribe", auth: secretKey, types, from: place }));
  };
  socket.onmessage = ({ data }) => {
    // Frames are text, and the gateway's.
    const frame = JSON.parse(String(data)) as Frame;
    handled = handled.then(async () => {
      if (isBroken) return;
      try {
        await handle(options, frame);
      } catch (error) {
        // Nothing after it may be handled before it: it comes again with the next connection.
        isBroken = true;
        if (!signal.aborted) console.error(error);
        socket.close();
      }
    });
  };
  socket.onclose = () => resolve();
  socket.onerror = () => {};
  await closed;
  await handled;
  signal.removeEventListener("abort", abort);
}

async function handle(options: FeedOptions, frame: Frame): Promise<void> {
  if (frame.t === "event" && frame.value) await options.onEvent(frame.value);
  else if (frame.t === "heartbeat" || frame.t === "goaway")
    await options.onToken(frame.token ?? "");
  else if (frame.t === "gap") {
    await options.onToken(frame.token ?? "");
    throw new Error("events were left out: they are fetched by coming again");
  } else if (frame.t === "error") throw new Error(`the feed says: ${frame.detail}`);
}
