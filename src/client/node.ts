/** `sluice/client` in Node.js: the client with a queue in memory, and a queue in a file. */
import { randomBytes } from "node:crypto";
import { startClient } from "./client.ts";
import { fileStore } from "./file-store.ts";
import { HttpSocket } from "./http-socket.ts";
import { memoryStore } from "./memory-store.ts";
import type { Client, ClientOptions, EventMap } from "./types.ts";

export { fileStore, HttpSocket, memoryStore };
export type * from "./types.ts";

/**
 * Starts a client. Without a `store` the queue is in memory. Where there is no global WebSocket
 * (Node.js before 22) and none is given, it speaks the HTTP twin.
 */
export function createClient<Events extends EventMap = Record<string, object>>(
  options: ClientOptions,
): Client<Events> {
  const ours = { fallback: HttpSocket, random: randomUnit, ...options };
  const { client } = startClient(ours, options.store ?? memoryStore());
  // Types of events are the caller's word; at run time any name is taken.
  return client as unknown as Client<Events>;
}

/** 0 ≤ n < 1. Node.js 18 has no global crypto. */
function randomUnit(): number {
  return randomBytes(4).readUInt32LE() / 2 ** 32;
}
