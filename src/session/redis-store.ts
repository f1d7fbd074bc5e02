/**
 * The store shared by all gateway processes: one hash per session in Redis, one pipeline per call.
 * The only file that meets ioredis. Retries belong to the coalescer, so the client keeps no queue
 * of its own: what cannot be sent fails at once, what is in flight when a connection ends fails
 * with it, and every update may be sent again without harm.
 */
import { createHash, randomBytes } from "node:crypto";

import { Redis } from "ioredis";
import type { RedisOptions } from "ioredis";

import { SESSION_STORE_DEADLINE_MS } from "../limits.ts";
import { sessionScript } from "./redis-script.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { MERGE_OUTCOMES } from "./rules.ts";
import type { SessionRules } from "./rules.ts";
import { failAll, storeKey } from "./store.ts";
import type { KeyedUpdate, SessionStore, StoreAnswer, StoreFailure } from "./store.ts";

/** What to trust when the server's certificate is not signed by a public authority. */
export interface RedisTls {
  /** PEM. */
  readonly ca: string;
  /** The name in the certificate where it is not the host of the URL. */
  readonly serverName?: string;
}

export interface RedisStoreOptions {
  readonly url: string;
  readonly tls?: RedisTls;
  readonly rules: SessionRules;
  /** Names this process in the counts it writes; unique among processes. */
  readonly writer?: string;
  readonly deadlineMs?: number;
  /** The longest wait between attempts to connect. */
  readonly reconnectMsMax?: number;
  /** 0 ≤ n < 1, for the jitter of reconnecting. */
  readonly randomUnit?: () => number;
}

const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** After `end()` a socket that does not close is destroyed. */
const DISCONNECT_TIMEOUT_MS = 250;

export class RedisStore implements SessionStore {
  readonly isShared = true;
  readonly #redis: Redis;
  readonly #script: string;
  readonly #sha: string;
  readonly #writer: string;
  readonly #deadlineMs: number;
  /** Why there is no connection, as far as the client has said. */
  #lastError: Error = new Error("not connected yet");

  constructor(options: RedisStoreOptions) {
    this.#script = sessionScript(options.rules);
    this.#sha = createHash("sha1").update(this.#script).digest("hex");
    this.#writer = `w:${options.writer ?? randomBytes(6).toString("base64url")}`;
    this.#deadlineMs = options.deadlineMs ?? SESSION_STORE_DEADLINE_MS;
    this.#redis = new Redis(clientOptions(options, this.#deadlineMs));
    this.#redis.on("error", (error: Error) => {
      this.#lastError = error;
    });
  }

  start(): void {
    this.#redis.connect().catch((error: Error) => {
      this.#lastError = error;
    });
  }

  async apply(updates: readonly KeyedUpdate[]): Promise<readonly StoreAnswer[]> {
    if (this.#redis.status !== "ready") {
      return failAll(updates, whyDown(this.#lastError), this.#lastError.message);
    }
    const pipeline = this.#redis.pipeline();
    updates.forEach((update, index) => {
      // The first command carries the script and so makes it known to those behind it, whatever
      // has become of the server's script cache since the last pipeline.
      const { id, startMs, lastMs, life, count, isRefreshDue } = update;
      const writer = this.#writer;
      const values = [id, startMs, lastMs, writer, life, count, isRefreshDue ? "1" : "0"];
      if (index === 0) {
        pipeline.eval(this.#script, 1, storeKey(update), ...values);
      } else {
        pipeline.evalsha(this.#sha, 1, storeKey(update), ...values);
      }
    });
    return this.#withDeadline(updates, pipeline.exec());
  }

  async stop(): Promise<void> {
    this.#redis.disconnect();
  }

  /** A server that is slow is treated as one that is gone: the connection is made anew. */
  #withDeadline(
    updates: readonly KeyedUpdate[],
    replies: ReturnType<ReturnType<Redis["pipeline"]>["exec"]>,
  ): Promise<readonly StoreAnswer[]> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve(failAll(updates, "timeout", `no answer within ${this.#deadlineMs} ms`));
        this.#redis.disconnect(true);
      }, this.#deadlineMs);
      const settle = (answers: readonly StoreAnswer[]): void => {
        clearTimeout(timer);
        resolve(answers);
      };
      replies.then(
        (rows) => settle((rows ?? []).map(([error, reply]) => toAnswer(error, reply))),
        (error: Error) => settle(failAll(updates, whyFailed(error), error.message)),
      );
    });
  }
}

function clientOptions(options: RedisStoreOptions, deadlineMs: number) {
  const { isTls, ...address } = parseRedisUrl(options.url);
  const randomUnit = options.randomUnit ?? Math.random;
  const ceilingMs = options.reconnectMsMax ?? RECONNECT_MS_MAX;
  const tls = options.tls;
  return {
    ...address,
    ...(isTls ? { tls: tls === undefined ? {} : tlsOptions(tls, address.host) } : {}),
    lazyConnect: true,
    connectionName: "sluice-sessions",
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A server that is loading says so to each command, which is more than a silent wait.
    enableReadyCheck: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // Ends a handshake nobody answers; pipelines have their own, shorter deadline.
    socketTimeout: 2 * deadlineMs,
    retryStrategy: (times: number) => {
      const delayMs = Math.min(RECONNECT_MS_MIN * 2 ** Math.min(times - 1, 10), ceilingMs);
      return Math.round(delayMs * (0.5 + randomUnit() / 2));
    },
    // After a failover behind one name the old primary is a replica: look the name up again.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions;
}

function tlsOptions(tls: RedisTls, host: string): { ca: string; servername: string } {
  return { ca: tls.ca, servername: tls.serverName ?? host };
}

function toAnswer(error: Error | null, reply: unknown): StoreAnswer {
  if (error !== null) {
    return { kind: "failed", reason: whyFailed(error), detail: error.message };
  }
  if (Array.isArray(reply)) {
    const [outcome, id, startMs, lastMs, count] = reply as readonly unknown[];
    const kind = MERGE_OUTCOMES.find((known) => known === outcome);
    if (kind !== undefined && typeof id === "string") {
      const [start, last, total] = [Number(startMs), Number(lastMs), Number(count)];
      return { kind, id, startMs: start, lastMs: last, count: total };
    }
  }
  return { kind: "failed", reason: "refused", detail: "an answer the script cannot give" };
}

/** First word of a Redis error → reason. What is not named here is `refused`. */
const REASON_OF_CODE: Readonly<Record<string, StoreFailure>> = {
  OOM: "oom",
  READONLY: "readonly",
  LOADING: "loading",
  MASTERDOWN: "loading",
  NOAUTH: "auth",
  WRONGPASS: "auth",
  NOPERM: "auth",
};

/** Why a command failed. Errors of the client, not the server, mean a lost connection. */
function whyFailed(error: Error): StoreFailure {
  if (error.name !== "ReplyError") {
    return "down";
  }
  const code = error.message.split(" ", 1)[0] ?? "";
  return REASON_OF_CODE[code] ?? "refused";
}

/** Why there is no connection: refused credentials are told from an absent server. */
function whyDown(error: Error): StoreFailure {
  const reason = whyFailed(error);
  return reason === "refused" ? "down" : reason;
}
