/**
 * Looks at a Redis server as sluice would use it: does it answer, what is it, does it take a write
 * from a script? For operators' tools; it knows no keys of sluice but the one it is given.
 */
import { setTimeout as delay } from "node:timers/promises";

import { createRedisClient, whyDown, whyFailed } from "./redis-client.ts";
import type { RedisClient, RedisFailure, RedisPlace } from "./redis-client.ts";

export interface RedisFacts {
  readonly kind: "answered";
  /** Of what INFO says; empty where the user may not ask. */
  readonly info: ReadonlyMap<string, string>;
  /** Why a script that writes failed; null: it worked. */
  readonly writeFailure: { readonly reason: RedisFailure; readonly detail: string } | null;
  /** The server's clock, ms since 1970; null where the user may not ask. */
  readonly timeMs: number | null;
  /** When that was asked for, by our clock, and how long the answer took. */
  readonly askedAtMs: number;
  readonly tookMs: number;
}

export type RedisReport =
  | RedisFacts
  | { readonly kind: "silent"; readonly reason: RedisFailure; readonly detail: string };

/** Leaves nothing behind: the key is gone after a second at the latest. */
const WRITE = `redis.call('SET', KEYS[1], '1', 'PX', '1000') return redis.call('DEL', KEYS[1])`;

/** Never throws for what a server does or does not do; its URL has to be a Redis URL. */
export async function inspectRedis(options: {
  readonly place: RedisPlace;
  /** For all questions together. */
  readonly deadlineMs: number;
  /** Written to and removed. */
  readonly key: string;
}): Promise<RedisReport> {
  const { place, deadlineMs, key } = options;
  const client = createRedisClient({ ...place, connectionName: "sluice-doctor", deadlineMs });
  let lastError: Error | null = null;
  client.on("error", (error: Error) => (lastError = error));
  const silent = (error: Error): RedisReport => {
    const cause = lastError ?? error;
    return { kind: "silent", reason: whyDown(cause), detail: cause.message };
  };
  const late = new AbortController();
  try {
    return await Promise.race([
      ask(client, key).catch(silent),
      delay(deadlineMs, null, { signal: late.signal }).then(() =>
        silent(new Error(`no answer within ${deadlineMs} ms`)),
      ),
    ]);
  } finally {
    late.abort();
    client.disconnect();
  }
}

async function ask(client: RedisClient, key: string): Promise<RedisReport> {
  await client.connect();
  // A server that wants credentials says so here, whatever it lets anybody ask.
  await client.ping();
  const askedAtMs = Date.now();
  const startMs = performance.now();
  const time = await client.time().catch(() => null);
  const tookMs = performance.now() - startMs;
  const info = await client.info().catch(() => "");
  const writeFailure = await client.eval(WRITE, 1, key).then(
    () => null,
    (error: Error) => ({ reason: whyFailed(error), detail: error.message }),
  );
  const timeMs = time === null ? null : Number(time[0]) * 1_000 + Number(time[1]) / 1_000;
  return { kind: "answered", info: readInfo(info), writeFailure, timeMs, askedAtMs, tookMs };
}

/** `name:value` lines; headings begin with #. */
function readInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split("\r\n")
      .filter((line) => line.includes(":"))
      .map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1)] as const;
      }),
  );
}
