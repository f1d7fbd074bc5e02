/** `sluice doctor`: is Redis there, and can it keep what sluice gives it? */
import { randomUUID } from "node:crypto";

import type { Config } from "../../config/options.ts";
import { redisPlace } from "../../config/redis-place.ts";
import { parseRedisUrl } from "../../redis/redis-url.ts";
import { inspectRedis } from "../../redis/inspect.ts";
import type { RedisFacts } from "../../redis/inspect.ts";
import type { ClockReading } from "./clock-check.ts";
import type { Finding } from "./finding.ts";

const DEADLINE_MS = 5_000;
/** What sluice is tested with. */
const VERSION_MIN = 7;

/** What is wrong, by the reason the server gave or the client made. */
const MENDS = {
  down: "start Redis, or correct SLUICE_REDIS_URL; until then sessions and streams are not shared",
  auth: "correct user and password in SLUICE_REDIS_URL, or the rights of that user",
  loading: "wait until it has loaded its data",
  oom: "raise its maxmemory",
  readonly: "let SLUICE_REDIS_URL name the primary, not a replica",
  refused: "let its user run EVAL, SET and DEL on keys that begin with sluice:",
} as const;

export async function checkRedis(
  config: Config,
  noteClock: (reading: ClockReading) => void,
): Promise<readonly Finding[]> {
  if (config.redisUrl === "") {
    const text = "not set: sessions and streams live in the memory of one process";
    return [{ check: "redis", status: "ok", text }];
  }
  const { host, port } = parseRedisUrl(config.redisUrl);
  const place = `${host}:${port}`;
  const key = `sluice:doctor:${randomUUID()}`;
  const report = await inspectRedis({ place: redisPlace(config), deadlineMs: DEADLINE_MS, key });
  if (report.kind === "silent") {
    const text = `${place} does not serve sluice: ${report.detail}`;
    const command = `redis-cli -h ${host} -p ${port} ping`;
    return [{ check: "redis", status: "failed", text, mend: MENDS[report.reason], command }];
  }
  const { timeMs, askedAtMs, tookMs } = report;
  if (timeMs !== null) {
    noteClock({ of: "Redis", offsetMs: timeMs - askedAtMs - tookMs / 2, errorMs: tookMs / 2 });
  }
  return [versionFinding(report, place), memoryFinding(report, place), writeFinding(report)];
}

function versionFinding({ info }: RedisFacts, place: string): Finding {
  const version = info.get("redis_version");
  const check = "redis";
  if (version === undefined) {
    const text = `${place} answers; its user may not ask for the version (INFO)`;
    return { check, status: "unchecked", text };
  }
  const text = `${place} answers, version ${version}`;
  if (Number.parseInt(version, 10) >= VERSION_MIN) return { check, status: "ok", text };
  const mend = `sluice is tested with Redis ${VERSION_MIN} and newer`;
  return { check, status: "warning", text, mend };
}

function memoryFinding({ info }: RedisFacts, place: string): Finding {
  const check = "redis memory";
  const policy = info.get("maxmemory_policy");
  if (policy === undefined) {
    return { check, status: "unchecked", text: "INFO does not say what happens at the limit" };
  }
  const text = `${policy}, maxmemory ${info.get("maxmemory_human") ?? "unknown"}`;
  if (policy === "noeviction") return { check, status: "ok", text };
  const [host, port] = place.split(":");
  return {
    check,
    status: "warning",
    text,
    mend: "at its limit it throws away sessions and streams without a word; let it refuse instead",
    command: `redis-cli -h ${host} -p ${port} config set maxmemory-policy noeviction`,
  };
}

function writeFinding({ info, writeFailure }: RedisFacts): Finding {
  const check = "redis write";
  const role = info.get("role");
  if (writeFailure === null) return { check, status: "ok", text: "a script ran, and wrote" };
  const { reason, detail } = writeFailure;
  const isReplica = role === "slave" && reason !== "readonly";
  const text = `a script that writes failed: ${detail}${isReplica ? " (it is a replica)" : ""}`;
  return { check, status: "failed", text, mend: MENDS[reason] };
}
