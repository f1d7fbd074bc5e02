/**
 * Connections to Redis, as every room of sluice wants them: no queue of their own, no silent
 * repeats, a server that is slow treated as one that is gone, failures as reasons. The only file
 * that meets ioredis. It knows no keys.
 */
import { Redis } from "ioredis";
import type { RedisOptions } from "ioredis";

import { parseRedisUrl } from "./redis-url.ts";

export type RedisClient = Redis;

/** What to trust when the server's certificate is not signed by a public authority. */
export interface RedisTls {
  /** PEM. */
  readonly ca: string;
  /** The name in the certificate where it is not the host of the URL. */
  readonly serverName?: string;
}

/** Where Redis is. */
export interface RedisPlace {
  /** With sentinels its host is the name by which they know the primary; its port is not used. */
  readonly url: string;
  readonly tls?: RedisTls;
  /** host:port each, asked which server is the primary now; absent: the URL's own. */
  readonly sentinels?: readonly string[];
}

/** What of some options says where Redis is. */
export function placeOf({ url, tls, sentinels }: RedisPlace): RedisPlace {
  return {
    url,
    ...(tls === undefined ? {} : { tls }),
    ...(sentinels === undefined ? {} : { sentinels }),
  };
}

export interface RedisClientOptions extends RedisPlace {
  /** What the server's list of clients shows. */
  readonly connectionName: string;
  /** How long one answer may take. */
  readonly deadlineMs: number;
  /** The longest wait between attempts to connect. */
  readonly reconnectMsMax?: number;
  /** 0 ≤ n < 1, for the jitter of reconnecting. */
  readonly randomUnit?: () => number;
}

/** Why Redis did not do what it was asked for. */
export type RedisFailure = "down" | "oom" | "readonly" | "loading" | "auth" | "refused";

const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** After `end()` a socket that does not close is destroyed. */
const DISCONNECT_TIMEOUT_MS = 250;

/** Not connected yet: `connect` does that. Retries belong to whoever asks, so nothing is queued. */
export function createRedisClient(options: RedisClientOptions): RedisClient {
  const { isTls, host, port, ...login } = parseRedisUrl(options.url);
  const { tls, connectionName, deadlineMs, randomUnit = Math.random } = options;
  const ceilingMs = options.reconnectMsMax ?? RECONNECT_MS_MAX;
  return new Redis({
    ...(options.sentinels === undefined
      ? { host, port }
      : sentinelOptions(options.sentinels, { name: host, deadlineMs })),
    ...login,
    ...(isTls ? { tls: tls === undefined ? {} : tlsOptions(tls, host) } : {}),
    lazyConnect: true,
    connectionName,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Who listens subscribes at each "ready". The client would do it as well, with a promise that
    // nobody holds: rejected by a connection that breaks then, it would end the process.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    // A server that is loading says so to each command, which is more than a silent wait.
    enableReadyCheck: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // Ends a handshake nobody answers; commands have their own, shorter deadline.
    socketTimeout: 2 * deadlineMs,
    retryStrategy: (times: number) => {
      const delayMs = Math.min(RECONNECT_MS_MIN * 2 ** Math.min(times - 1, 10), ceilingMs);
      return Math.round(delayMs * (0.5 + randomUnit() / 2));
    },
    // After a failover behind one name the old primary is a replica: look the name up again.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions);
}

/** Sentinels that are away are gone round again, as often as a server would be tried. */
function sentinelOptions(
  sentinels: readonly string[],
  { name, deadlineMs }: { readonly name: string; readonly deadlineMs: number },
) {
  return {
    sentinels: sentinels.map((address) => {
      const at = address.lastIndexOf(":");
      return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
    }),
    name,
    sentinelCommandTimeout: deadlineMs,
    sentinelRetryStrategy: (times: number) => Math.min(RECONNECT_MS_MIN * times, 500),
    // Learns of a new primary from the sentinels, not from the old one's silence.
    failoverDetector: true,
  };
}

function tlsOptions(tls: RedisTls, host: string): { ca: string; servername: string } {
  return { ca: tls.ca, servername: tls.serverName ?? host };
}

/** First word of a Redis error → reason. What is not named here is `refused`. */
const REASON_OF_CODE: Readonly<Record<string, RedisFailure>> = {
  OOM: "oom",
  READONLY: "readonly",
  LOADING: "loading",
  MASTERDOWN: "loading",
  NOAUTH: "auth",
  WRONGPASS: "auth",
  NOPERM: "auth",
};

/** Why a command failed. Errors of the client, not the server, mean a lost connection. */
export function whyFailed(error: Error): RedisFailure {
  if (error.name !== "ReplyError") {
    return "down";
  }
  const code = error.message.split(" ", 1)[0] ?? "";
  return REASON_OF_CODE[code] ?? "refused";
}

/** Why there is no connection: refused credentials are told from an absent server. */
export function whyDown(error: Error): RedisFailure {
  const reason = whyFailed(error);
  return reason === "refused" ? "down" : reason;
}
