/** Makes the stream store that was chosen, with everything it needs. */
import { randomBytes } from "node:crypto";

import { systemClock } from "../lib/clock.ts";
import type { Clock } from "../lib/clock.ts";
import { STREAM_TOKEN_EXTRA_SECONDS, STREAM_TTL_SECONDS } from "../limits.ts";
import { StreamKeeper } from "./keeper.ts";
import { LocalMemory } from "./local-memory.ts";
import { ResumeTokens } from "./resume-token.ts";
import type { StreamStore, StreamStoreEvent } from "./store.ts";

export interface StreamStoreOptions {
  readonly memory: { readonly kind: "memory" };
  /** Signs resume tokens. Absent: random, and so only good in this process. */
  readonly secret?: string;
  readonly ttlSeconds?: number;
  readonly clock?: Clock;
  readonly onEvent?: (event: StreamStoreEvent) => void;
}

export function createStreamStore(options: StreamStoreOptions): StreamStore {
  const { ttlSeconds = STREAM_TTL_SECONDS, clock = systemClock, onEvent = () => {} } = options;
  const secret = options.secret ?? randomBytes(32).toString("base64url");
  const lifeSeconds = ttlSeconds + STREAM_TOKEN_EXTRA_SECONDS;
  const tokens = new ResumeTokens(secret, { lifeSeconds, nowMs: () => clock.nowMs() });
  const memory = new LocalMemory({
    ttlSeconds,
    clock,
    onForgotten: () => onEvent({ kind: "forgotten", records: 1 }),
  });
  return new StreamKeeper({ memory, tokens, ttlSeconds, clock, onEvent });
}
