/**
 * Configuration → what is known of events and requests that come twice: in this process, and where
 * there is Redis among all processes. Knows no frame and no event.
 */
import type { Admission } from "./admission/admission.ts";
import { sourceName } from "./admission/tenants-file.ts";
import { redisPlace } from "./config/redis-place.ts";
import { AnswerMemory } from "./dedupe/answer-memory.ts";
import { IdWindow } from "./dedupe/id-window.ts";
import type { IdScope } from "./dedupe/id-window.ts";
import { Repeats } from "./dedupe/repeats.ts";
import { RedisMemory } from "./dedupe/shared-memory.ts";
import { systemClock } from "./lib/clock.ts";
import {
  DEDUPE_IDS_MAX,
  REPEAT_ANSWERS_MAX,
  REPEAT_BYTES_MAX,
  REPEAT_WINDOW_MS,
} from "./limits/repeats.ts";
import type { RoomParts } from "./rooms.ts";

export interface RepeatRooms {
  readonly requests: Repeats;
  readonly idWindow: IdWindow;
  /** How long a tenant's ids are known; 0: it does not want that. */
  readonly dedupeMsOf: (scope: IdScope) => number;
  /** Tells the other processes what they do not know yet. */
  stop(): Promise<void>;
}

export function makeRepeats(parts: RoomParts, admission: Admission): RepeatRooms {
  const { traffic } = parts.telemetry;
  const shared = makeShared(parts);
  const clockMs = systemClock.monotonicMs;
  const windowMs = REPEAT_WINDOW_MS;
  const memory = new AnswerMemory({
    windowMs,
    answersMax: REPEAT_ANSWERS_MAX,
    bytesMax: REPEAT_BYTES_MAX,
    clockMs,
  });
  const onRepeat = traffic.requestRepeated.bind(traffic);
  return {
    requests: new Repeats({ memory, shared, windowMs, onRepeat }),
    idWindow: new IdWindow({ idsMax: DEDUPE_IDS_MAX, clockMs, shared }),
    dedupeMsOf: ({ tenant, source }) =>
      admission.table.sources.get(sourceName(tenant, source))?.tenant.dedupeMs ?? 0,
    stop: async () => shared?.stop(),
  };
}

function makeShared({ config, telemetry }: RoomParts): RedisMemory | null {
  if (config.redisUrl === "") return null;
  const { log, backends } = telemetry;
  let wasUp = true;
  const shared = new RedisMemory({
    ...redisPlace(config),
    clock: systemClock,
    onState: (isUp, reason) => {
      if (isUp === wasUp) return;
      wasUp = isUp;
      if (isUp) log.info("repeats are known to all processes again");
      else log.warn("repeats are known to each process alone now", { reason });
    },
    onLookUp: (result, count) => backends.repeatsLookedUp(result, count),
    onRemember: (result, count) => backends.repeatsShared(result, count),
  });
  shared.start();
  return shared;
}
