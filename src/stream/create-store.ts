/** Makes the stream store that was chosen, with everything it needs. */
import { randomBytes } from "node:crypto";

import { systemClock } from "../lib/clock.ts";
import type { Clock } from "../lib/clock.ts";
import type { RedisPlace } from "../redis/redis-client.ts";
import { STREAM_TOKEN_EXTRA_SECONDS, STREAM_TTL_SECONDS } from "../limits/streams.ts";
import { StreamKeeper } from "./keeper.ts";
import { LocalMemory } from "./local-memory.ts";
import type { LocalMemoryOptions } from "./local-memory.ts";
import { RedisMemory } from "./redis-memory.ts";
import { ResumeTokens } from "./resume-token.ts";
import type { StreamStore, StreamStoreEvent } from "./store.ts";
import type { StreamMemory } from "./stream-memory.ts";

export type StreamMemoryChoice =
  | { readonly kind: "memory" }
  | (RedisPlace & {
      readonly kind: "redis";
      /** How soon Redis has to answer. */
      readonly deadlineMs?: number;
      readonly heartbeatMs?: number;
      readonly heartbeatTtlMs?: number;
      readonly reconnectMsMax?: number;
    });

export interface StreamStoreOptions {
  readonly memory: StreamMemoryChoice;
  /**
   * Signs resume tokens, the same in all processes. Absent: random; with Redis, the one that the
   * first process put there.
   */
  readonly secret?: string;
  readonly ttlSeconds?: number;
  readonly clock?: Clock;
  readonly onEvent?: (event: StreamStoreEvent) => void;
}

export function createStreamStore(options: StreamStoreOptions): StreamStore {
  const { ttlSeconds = STREAM_TTL_SECONDS, clock = systemClock, onEvent = () => {} } = options;
  const offered = randomBytes(32).toString("base64url");
  const secret = options.secret ?? offered;
  const lifeSeconds = ttlSeconds + STREAM_TOKEN_EXTRA_SECONDS;
  const tokens = new ResumeTokens(secret, { lifeSeconds, nowMs: () => clock.nowMs() });
  const memory = makeMemory(options.memory, {
    ttlSeconds,
    clock,
    onForgotten: () => onEvent({ kind: "forgotten", records: 1 }),
    secretOffered: options.secret === undefined ? offered : null,
  });
  return new StreamKeeper({ memory, tokens, ttlSeconds, clock, onEvent });
}

function makeMemory(
  choice: StreamMemoryChoice,
  common: LocalMemoryOptions & { readonly secretOffered: string | null },
): StreamMemory {
  return choice.kind === "redis"
    ? new RedisMemory({ ...choice, ...common })
    : new LocalMemory(common);
}
