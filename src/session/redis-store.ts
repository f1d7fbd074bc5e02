/**
 * The store shared by all gateway processes: one hash per session in Redis, one pipeline per call.
 * Retries belong to the coalescer: what cannot be sent fails at once, what is in flight when a
 * connection ends fails with it, and every update may be sent again without harm.
 */
import { randomBytes } from "node:crypto";

import { SESSION_SETTLE_MS, SESSION_STORE_DEADLINE_MS } from "../limits/sessions.ts";
import { createRedisClient, whyFailed } from "../redis/redis-client.ts";
import type { RedisPlace } from "../redis/redis-client.ts";
import { partsOfActorKey } from "./book.ts";
import type { SessionBook } from "./book.ts";
import { DEADLINE_KEYS, shardOf } from "./redis-book-scripts.ts";
import { RedisBook } from "./redis-book.ts";
import { isFailure, RedisLine, scriptOf } from "./redis-pipeline.ts";
import { scriptKeys, scriptValues, SESSION_SCRIPT } from "./redis-script.ts";
import { MERGE_OUTCOMES } from "./rules.ts";
import { ACTOR_KEYS, failAll, storeKey, timeToLiveMs } from "./store.ts";
import type { KeyedUpdate, SessionStore, StoreAnswer } from "./store.ts";

export interface RedisStoreOptions extends RedisPlace {
  /** Names this process in the counts it writes; unique among processes. */
  readonly writer?: string;
  /** Sessions are kept until their end is announced, and put among the deadlines. */
  readonly announces?: boolean;
  readonly deadlineMs?: number;
  /** The longest wait between attempts to connect. */
  readonly reconnectMsMax?: number;
  /** 0 ≤ n < 1, for the jitter of reconnecting. */
  readonly randomUnit?: () => number;
  /** Wall clock, ms since 1970. */
  readonly nowMs?: () => number;
}

const SCRIPT = scriptOf(SESSION_SCRIPT);

export class RedisStore implements SessionStore {
  readonly isShared = true;
  readonly book: SessionBook;
  readonly #line: RedisLine;
  readonly #writer: string;
  readonly #announces: boolean;
  readonly #nowMs: () => number;

  constructor(options: RedisStoreOptions) {
    this.#writer = `w:${options.writer ?? randomBytes(6).toString("base64url")}`;
    this.#announces = options.announces ?? false;
    this.#nowMs = options.nowMs ?? Date.now;
    const deadlineMs = options.deadlineMs ?? SESSION_STORE_DEADLINE_MS;
    const client = createRedisClient({ ...options, connectionName: "sluice-sessions", deadlineMs });
    this.#line = new RedisLine(client, deadlineMs);
    this.book = new RedisBook(this.#line, this.#nowMs);
  }

  start(): void {
    this.#line.start();
  }

  async apply(updates: readonly KeyedUpdate[]): Promise<readonly StoreAnswer[]> {
    const nowMs = this.#nowMs();
    const context = { writer: this.#writer, nowMs, announces: this.#announces };
    const rows: number[] = [];
    const replies = await this.#line.send((batch) => {
      let row = 0;
      for (const update of updates) {
        const key = storeKey(update);
        if (update.isRefreshDue) {
          row += this.#addDeadline(batch.pipeline, { update, key, nowMs });
        }
        batch.run(SCRIPT, scriptKeys(update, key), scriptValues(update, context));
        rows.push(row);
        row += 1;
      }
    });
    if (isFailure(replies)) return failAll(updates, replies.reason, replies.detail);
    return rows.map((row) => toAnswer(replies[row]));
  }

  async stop(): Promise<void> {
    this.#line.stop();
  }

  /**
   * What has to be there for the session to be found again, before the session itself: a process
   * that ends in between leaves a deadline without a session, which does no harm. Answers how many
   * commands that were.
   */
  #addDeadline(
    pipeline: ReturnType<RedisLine["client"]["pipeline"]>,
    {
      update,
      key,
      nowMs,
    }: { readonly update: KeyedUpdate; readonly key: string; readonly nowMs: number },
  ): number {
    const { actorKey, user, rules } = update;
    let commands = 0;
    if (this.#announces) {
      const due = DEADLINE_KEYS.due(shardOf(actorKey));
      pipeline.zadd(due, "LT", nowMs + SESSION_SETTLE_MS, key);
      commands += 1;
    }
    if (user !== "") {
      const { tenant, source, actor } = partsOfActorKey(actorKey);
      const linked = ACTOR_KEYS.linked(`${tenant}:${source}:${user}`);
      pipeline.sadd(linked, actor);
      pipeline.pexpire(linked, timeToLiveMs(rules, { announces: this.#announces }));
      commands += 2;
    }
    return commands;
  }
}

function toAnswer(reply: unknown): StoreAnswer {
  if (reply instanceof Error) {
    return { kind: "failed", reason: whyFailed(reply), detail: reply.message };
  }
  if (Array.isArray(reply)) {
    const [outcome, id, startMs, lastMs, count] = reply as readonly unknown[];
    if (outcome === "erased") return { kind: "erased" };
    const kind = MERGE_OUTCOMES.find((known) => known === outcome);
    if (kind !== undefined && typeof id === "string") {
      const [start, last, total] = [Number(startMs), Number(lastMs), Number(count)];
      return { kind, id, startMs: start, lastMs: last, count: total };
    }
  }
  return { kind: "failed", reason: "refused", detail: "an answer the script cannot give" };
}
