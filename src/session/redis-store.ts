/**
 * The store shared by all gateway processes: one hash per session in Redis, one pipeline per call.
 * Retries belong to the coalescer: what cannot be sent fails at once, what is in flight when a
 * connection ends fails with it, and every update may be sent again without harm.
 */
import { createHash, randomBytes } from "node:crypto";

import { SESSION_STORE_DEADLINE_MS } from "../limits.ts";
import { createRedisClient, whyDown, whyFailed } from "../redis/redis-client.ts";
import type { RedisClient, RedisTls } from "../redis/redis-client.ts";
import { sessionScript } from "./redis-script.ts";
import { MERGE_OUTCOMES } from "./rules.ts";
import type { SessionRules } from "./rules.ts";
import { failAll, storeKey } from "./store.ts";
import type { KeyedUpdate, SessionStore, StoreAnswer } from "./store.ts";

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

export class RedisStore implements SessionStore {
  readonly isShared = true;
  readonly #redis: RedisClient;
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
    this.#redis = createRedisClient({
      ...options,
      connectionName: "sluice-sessions",
      deadlineMs: this.#deadlineMs,
    });
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
    replies: ReturnType<ReturnType<RedisClient["pipeline"]>["exec"]>,
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
