/**
 * One pipeline to Redis whose answers come within a deadline, failures as reasons. It knows no
 * keys.
 */
import { createHash } from "node:crypto";

import { whyDown, whyFailed } from "../redis/redis-client.ts";
import type { RedisClient } from "../redis/redis-client.ts";
import type { StoreFailure } from "./store.ts";

/** A Lua text with its digest. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

export function scriptOf(text: string): Script {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

export interface Failure {
  readonly reason: StoreFailure;
  readonly detail: string;
}

/** Answers in the order of the commands; one that was refused is an Error. */
export type Replies = readonly unknown[] | Failure;

export function isFailure(replies: Replies): replies is Failure {
  return "reason" in replies;
}

export class RedisLine {
  readonly client: RedisClient;
  readonly #deadlineMs: number;
  /** Why there is no connection, as far as the client has said. */
  #lastError: Error = new Error("not connected yet");

  constructor(client: RedisClient, deadlineMs: number) {
    this.client = client;
    this.#deadlineMs = deadlineMs;
    client.on("error", (error: Error) => {
      this.#lastError = error;
    });
  }

  start(): void {
    this.client.connect().catch((error: Error) => {
      this.#lastError = error;
    });
  }

  stop(): void {
    this.client.disconnect();
  }

  /** Sends what `fill` adds to a pipeline. */
  async send(fill: (batch: Batch) => void): Promise<Replies> {
    if (this.client.status !== "ready") {
      return { reason: whyDown(this.#lastError), detail: this.#lastError.message };
    }
    const batch = new Batch(this.client.pipeline());
    fill(batch);
    return this.#withDeadline(batch);
  }

  /** A server that is slow is treated as one that is gone: the connection is made anew. */
  #withDeadline({ pipeline }: Batch): Promise<Replies> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve({ reason: "timeout", detail: `no answer within ${this.#deadlineMs} ms` });
        this.client.disconnect(true);
      }, this.#deadlineMs);
      const settle = (replies: Replies): void => {
        clearTimeout(timer);
        resolve(replies);
      };
      pipeline.exec().then(
        (rows) => settle((rows ?? []).map(([error, reply]) => error ?? reply)),
        (error: Error) => settle({ reason: whyFailed(error), detail: error.message }),
      );
    });
  }
}

/** Commands on their way into one pipeline. */
export class Batch {
  readonly pipeline: ReturnType<RedisClient["pipeline"]>;
  readonly #known = new Set<string>();

  constructor(pipeline: ReturnType<RedisClient["pipeline"]>) {
    this.pipeline = pipeline;
  }

  /**
   * The first use carries the script and so makes it known to those behind it, whatever has become
   * of the server's script cache since the last pipeline.
   */
  run(script: Script, keys: readonly string[], values: readonly (string | number)[]): void {
    if (this.#known.has(script.sha)) {
      this.pipeline.evalsha(script.sha, keys.length, ...keys, ...values);
      return;
    }
    this.#known.add(script.sha);
    this.pipeline.eval(script.text, keys.length, ...keys, ...values);
  }
}

/** The failure of a whole exchange, if one of its answers is a refusal. */
export function firstRefusal(replies: readonly unknown[]): Failure | null {
  const error = replies.find((reply): reply is Error => reply instanceof Error);
  return error === undefined ? null : { reason: whyFailed(error), detail: error.message };
}
