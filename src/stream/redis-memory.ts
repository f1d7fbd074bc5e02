/**
 * The memory that all gateway processes share: one hash per stream in Redis, one script per step, a
 * key by which each process shows that it lives, a channel to each on which others ask it to give
 * streams free. Every answer comes within STREAM_STORE_DEADLINE_MS, or counts as none.
 */
import { createHash, randomBytes } from "node:crypto";

import type { CancelTimer, Clock } from "../lib/clock.ts";
import {
  STREAM_HEARTBEAT_MS,
  STREAM_HEARTBEAT_TTL_MS,
  STREAM_STORE_DEADLINE_MS,
} from "../limits/streams.ts";
import { createRedisClient, placeOf, whyDown, whyFailed } from "../redis/redis-client.ts";
import type { RedisClient, RedisPlace } from "../redis/redis-client.ts";
import type {
  ClaimAnswer,
  MemoryClaim,
  MemorySave,
  MemoryTake,
  SaveAnswer,
  TakeAnswer,
} from "./memory-rules.ts";
import {
  readClaimAnswer,
  readMessage,
  readSaveAnswer,
  readTakeAnswer,
  recordFields,
} from "./redis-answers.ts";
import type { ProcessMessage } from "./redis-answers.ts";
import { CLAIM_SCRIPT, SAVE_SCRIPT, TAKE_SCRIPT } from "./redis-scripts.ts";
import type {
  Away,
  HandedOver,
  MemoryListener,
  ReleaseAsk,
  StreamMemory,
} from "./stream-memory.ts";
import { EMPTY_RECORD, boundedRecord } from "./stream-record.ts";

export interface RedisMemoryOptions extends RedisPlace {
  readonly ttlSeconds: number;
  readonly clock: Clock;
  /** Offered as the shared secret of resume tokens; null where the operator has set one. */
  readonly secretOffered: string | null;
  readonly deadlineMs?: number;
  readonly heartbeatMs?: number;
  readonly heartbeatTtlMs?: number;
  /** The longest wait between attempts to connect. */
  readonly reconnectMsMax?: number;
}

interface Script {
  readonly text: string;
  readonly sha: string;
}

const [CLAIM, TAKE, SAVE] = [CLAIM_SCRIPT, TAKE_SCRIPT, SAVE_SCRIPT].map((text): Script => ({
  text,
  sha: createHash("sha1").update(text).digest("hex"),
})) as [Script, Script, Script];

/** One key for all processes. */
const SECRET_KEY = "sluice:stream-secret";

export class RedisMemory implements StreamMemory {
  /** Unguessable, since who knows it may ask for streams. */
  readonly owner = randomBytes(12).toString("base64url");
  readonly #options: RedisMemoryOptions;
  readonly #deadlineMs: number;
  readonly #redis: RedisClient;
  /** In subscriber mode. */
  readonly #ear: RedisClient;
  #lastError: Error = new Error("not connected yet");
  #listener: MemoryListener | null = null;
  #cancelBeat: CancelTimer = () => {};
  /** No heartbeat has failed since the last one that came through. */
  #isConnected = false;
  #isStopped = false;
  #onFirstBeat = (): void => {};

  constructor(options: RedisMemoryOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? STREAM_STORE_DEADLINE_MS;
    const { reconnectMsMax } = options;
    const client = (connectionName: string): RedisClient => {
      const made = createRedisClient({
        ...placeOf(options),
        connectionName,
        deadlineMs: this.#deadlineMs,
        ...(reconnectMsMax === undefined ? {} : { reconnectMsMax }),
      });
      made.on("error", (error: Error) => {
        this.#lastError = error;
      });
      return made;
    };
    this.#redis = client("sluice-streams");
    this.#ear = client("sluice-streams-ear");
  }

  start(listener: MemoryListener): Promise<void> {
    this.#listener = listener;
    this.#ear.on("message", (_channel: string, text: string) => this.#onMessage(text));
    this.#ear.on("ready", () => this.#subscribe());
    this.#redis.on("ready", () => void this.#beat());
    for (const client of [this.#redis, this.#ear]) {
      client.connect().catch((error: Error) => {
        this.#lastError = error;
      });
    }
    this.#beatLater();
    return new Promise((resolve) => {
      this.#onFirstBeat = resolve;
      this.#options.clock.after(this.#deadlineMs, resolve);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelBeat();
    if (this.#redis.status === "ready") await this.#answer(this.#redis.del(nodeKey(this.owner)));
    this.#redis.disconnect();
    this.#ear.disconnect();
  }

  async claim(claim: MemoryClaim): Promise<ClaimAnswer | Away> {
    const { key, owner, epochMin, hasProof, birth } = claim;
    const values = [owner, `${epochMin}`, hasProof ? "1" : "0", ...this.#times(), birth];
    return this.#run(CLAIM, { key, values, read: readClaimAnswer });
  }

  async take(take: MemoryTake): Promise<TakeAnswer | Away> {
    const { key, owner, epoch, doubtBelow, dead } = take;
    const values = [owner, `${epoch}`, `${doubtBelow}`, ...this.#times(), ...dead];
    return this.#run(TAKE, { key, values, read: readTakeAnswer });
  }

  async save(saves: readonly MemorySave[]): Promise<readonly (SaveAnswer | Away)[]> {
    if (saves.length === 0) return [];
    if (this.#redis.status !== "ready") {
      const away = this.#down();
      return saves.map(() => away);
    }
    const pipeline = this.#redis.pipeline();
    saves.forEach((save, index) => {
      const key = streamHash(save.key);
      const values = this.#saveValues(save);
      // The first command carries the script and so makes it known to those behind it, whatever
      // has become of the server's script cache since the last pipeline.
      if (index === 0) pipeline.eval(SAVE.text, 1, key, ...values);
      else pipeline.evalsha(SAVE.sha, 1, key, ...values);
    });
    const rows = await this.#answer(pipeline.exec());
    if (isAway(rows)) return saves.map(() => rows);
    return saves.map((_, index) => {
      const [error, reply] = rows?.[index] ?? [new Error("no answer"), null];
      return error === null ? (readSaveAnswer(reply) ?? UNREADABLE) : toAway(error);
    });
  }

  #saveValues({ owner, epoch, record, isLast, birth }: MemorySave): string[] {
    const fields = recordFields(boundedRecord(record ?? EMPTY_RECORD));
    const { done, sack, exc, doubt } = fields;
    const what = [done, sack, exc, doubt, birth];
    return [owner, `${epoch}`, isLast ? "1" : "0", ...this.#times(), record ? "1" : "0", ...what];
  }

  #times(): [string, string] {
    const { ttlSeconds, clock } = this.#options;
    return [`${ttlSeconds}`, `${Math.floor(clock.nowMs())}`];
  }

  async isAlive(owner: string): Promise<boolean> {
    if (this.#redis.status !== "ready") return false;
    return (await this.#answer(this.#redis.exists(nodeKey(owner)))) === 1;
  }

  askRelease(ask: ReleaseAsk): void {
    this.#tell(ask.owner, { t: "release", ask });
  }

  tellHandedOver(to: string, news: HandedOver): void {
    this.#tell(to, { t: "released", news });
  }

  #tell(owner: string, message: ProcessMessage): void {
    if (this.#redis.status !== "ready") return;
    void this.#answer(this.#redis.publish(channelOf(owner), JSON.stringify(message)));
  }

  #onMessage(text: string): void {
    const message = readMessage(text);
    if (message?.t === "release") this.#listener?.releaseAsked(message.ask);
    else if (message?.t === "released") this.#listener?.handedOver(message.news);
  }

  /** Each connection anew; what was asked meanwhile is lost. */
  #subscribe(): void {
    const subscribed = this.#answer(this.#ear.subscribe(channelOf(this.owner)), this.#ear);
    void subscribed.then((answer) => {
      if (isAway(answer)) this.#ear.disconnect(true);
      else if (!this.#isStopped) this.#listener?.reconnected();
    });
  }

  #beatLater(): void {
    const { clock, heartbeatMs = STREAM_HEARTBEAT_MS } = this.#options;
    this.#cancelBeat = clock.after(heartbeatMs, () => {
      this.#beatLater();
      void this.#beat();
    });
  }

  /** Shows that this process lives, and looks after the shared secret. */
  async #beat(): Promise<void> {
    if (this.#isStopped) return;
    const { heartbeatTtlMs = STREAM_HEARTBEAT_TTL_MS, secretOffered } = this.#options;
    const wasConnected = this.#isConnected;
    this.#isConnected = false;
    // A connection that is half open is found out by asking.
    if (this.#ear.status === "ready") void this.#answer(this.#ear.ping(), this.#ear);
    if (this.#redis.status !== "ready") return;
    const pipeline = this.#redis.pipeline();
    pipeline.set(nodeKey(this.owner), "1", "PX", heartbeatTtlMs);
    if (secretOffered !== null) pipeline.set(SECRET_KEY, secretOffered, "NX").get(SECRET_KEY);
    const rows = await this.#answer(pipeline.exec());
    if (isAway(rows) || rows === null) return;
    const [[error]] = [rows[0] ?? [new Error("no answer")]];
    const [secretError, secret] = rows[2] ?? [];
    if (secretError === null && typeof secret === "string") this.#listener?.secretFound(secret);
    if (error !== null || this.#isStopped) return;
    this.#isConnected = true;
    this.#onFirstBeat();
    if (!wasConnected) this.#listener?.reconnected();
  }

  async #run<T extends object>(
    script: Script,
    call: {
      readonly key: string;
      readonly values: readonly string[];
      readonly read: (reply: unknown) => T | null;
    },
  ): Promise<T | Away> {
    if (this.#redis.status !== "ready") return this.#down();
    const key = streamHash(call.key);
    const known = this.#redis.evalsha(script.sha, 1, key, ...call.values);
    const reply = await this.#answer(
      known.catch((error: Error) => {
        // The server has lost its scripts: it was started anew.
        if (!error.message.startsWith("NOSCRIPT")) throw error;
        return this.#redis.eval(script.text, 1, key, ...call.values);
      }),
    );
    if (isAway(reply)) return reply;
    return call.read(reply) ?? UNREADABLE;
  }

  #down(): Away {
    return { kind: "away", reason: whyDown(this.#lastError), detail: this.#lastError.message };
  }

  /** A server that is slow is treated as one that is gone: the connection is made anew. */
  #answer<T>(reply: Promise<T>, client = this.#redis): Promise<T | Away> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(this.#deadlineMs, () => {
        const detail = `no answer within ${this.#deadlineMs} ms`;
        resolve({ kind: "away", reason: "timeout", detail });
        if (!this.#isStopped) client.disconnect(true);
      });
      reply.then(
        (answer) => {
          cancel();
          resolve(answer);
        },
        (error: Error) => {
          cancel();
          resolve(toAway(error));
        },
      );
    });
  }
}

const UNREADABLE: Away = {
  kind: "away",
  reason: "refused",
  detail: "an answer the script cannot give",
};

function toAway(error: Error): Away {
  return { kind: "away", reason: whyFailed(error), detail: error.message };
}

function isAway(answer: unknown): answer is Away {
  return (
    typeof answer === "object" && answer !== null && "kind" in answer && answer.kind === "away"
  );
}

/** The braces keep what belongs to a stream in one slot of a cluster. */
function streamHash(key: string): string {
  return `sluice:st:{${key}}`;
}

function nodeKey(owner: string): string {
  return `sluice:node:{${owner}}`;
}

function channelOf(owner: string): string {
  return `sluice:to:${owner}`;
}
