/** `sluice/client` in browsers: the client, and what it makes of a page's life. */
import { startClient } from "./client.ts";
import { indexedStore } from "./indexed-store.ts";
import { memoryStore } from "./memory-store.ts";
import type { Client, ClientOptions, EventMap } from "./types.ts";

export { memoryStore };
export type * from "./types.ts";

/**
 * Starts a client. Tabs of one origin with the same url and key share one queue, which outlives
 * them; one of them sends. Throws a TypeError where it can reach no server by any means.
 */
export function createClient<Events extends EventMap = Record<string, object>>(
  options: ClientOptions,
): Client<Events> {
  const { url, writeKey = "", queueName = `sluice ${url} ${writeKey}` } = options;
  const started = startClient(options, options.store ?? sharedStore(queueName));
  const send = (target: string, body: string): void => {
    // Text goes as text/plain either way, which needs no preflight.
    if (navigator.sendBeacon(target, body)) return;
    fetch(target, { method: "POST", body, keepalive: true }).catch(() => {});
  };
  addEventListener("pagehide", () => started.leave(send));
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) started.return();
  });
  addEventListener("online", started.wake);
  addEventListener("offline", started.sleep);
  // It bubbles up from the document, which workers do not have.
  addEventListener("visibilitychange", () => void started.client.flush());
  // Types of events are the caller's word; at run time any name is taken.
  return started.client as unknown as Client<Events>;
}

function sharedStore(name: string) {
  try {
    return indexedStore(name) ?? memoryStore();
  } catch {
    // Browsers that forbid storage say so by an exception.
    return memoryStore();
  }
}
