/**
 * The leases of quotas in Redis: one hash per quota with what each process needed last, all of them
 * asked in one pipeline a second. It knows no tenants, only keys.
 */
import type { Clock } from "../lib/clock.ts";
import { QUOTA_LEASE_DEADLINE_MS, QUOTA_LEASE_STALE_MS } from "../limits/admission.ts";
import { createRedisClient, placeOf, whyDown } from "../redis/redis-client.ts";
import type { RedisClient, RedisPlace } from "../redis/redis-client.ts";
import type { OnceMemory } from "../admission/tickets.ts";
import type { Demand, LeaseMemory, Total } from "./shares.ts";

export interface RedisLeasesOptions extends RedisPlace {
  /** Unique among the processes of the gateway. */
  readonly processId: string;
  readonly clock: Clock;
  /** Becomes the secret of all, if there is none yet. */
  readonly secretOffered: string;
  /** The connection came or went. */
  readonly onState: (isUp: boolean, reason: string) => void;
}

const SECRET_KEY = "sluice:ticket-secret";

/**
 * Keeps what this process needed, drops what is stale, and gives the sum and the number of
 * processes. KEYS: the quota. ARGV: process, taken, now in ms, stale after ms.
 */
const RENEW = `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local sum, count = 0, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local taken, at = string.match(all[i + 1], '^([%d.]+):(%d+)$')
  if taken == nil or tonumber(at) + tonumber(ARGV[4]) < tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], all[i])
  else
    sum = sum + tonumber(taken)
    count = count + 1
  end
end
return {tostring(sum), count}`;

export class RedisLeases implements LeaseMemory, OnceMemory {
  readonly #options: RedisLeasesOptions;
  readonly #client: RedisClient;
  #processes = 1;
  #secret: string | null = null;

  constructor(options: RedisLeasesOptions) {
    this.#options = options;
    this.#client = createRedisClient({
      ...placeOf(options),
      connectionName: "sluice-quotas",
      deadlineMs: QUOTA_LEASE_DEADLINE_MS,
    });
    this.#client.on("error", (error: Error) => options.onState(false, whyDown(error)));
    this.#client.on("ready", () => {
      options.onState(true, "");
      this.#findSecret().catch(() => {});
    });
  }

  start(): void {
    // A server that is away now is tried again by the client; its errors are heard above.
    this.#client.connect().catch(() => {});
  }

  stop(): void {
    this.#client.disconnect();
  }

  /** What the processes sign tickets with: made once by one of them. null: not known yet. */
  get secret(): string | null {
    return this.#secret;
  }

  async #findSecret(): Promise<void> {
    const offered = this.#options.secretOffered;
    await this.#client.set(SECRET_KEY, offered, "NX");
    this.#secret = await this.#client.get(SECRET_KEY);
  }

  get processes(): number {
    return this.#processes;
  }

  async renew(demands: readonly Demand[]): Promise<readonly Total[] | null> {
    if (this.#client.status !== "ready") return null;
    const { processId, clock } = this.#options;
    const pipeline = this.#client.pipeline();
    for (const { key, taken } of demands) {
      const argv = [processId, String(taken), String(clock.nowMs()), String(QUOTA_LEASE_STALE_MS)];
      pipeline.eval(RENEW, 1, `sluice:q:{${key}}`, ...argv);
    }
    const answers = await withDeadline(pipeline.exec());
    if (answers === null) return null;
    const totals = answers.map(([, answer]) => readTotal(answer));
    if (totals.some((total) => total === null)) return null;
    const sound = totals.filter((total) => total !== null);
    this.#processes = Math.max(1, ...sound.map(({ processes }) => processes));
    return sound;
  }

  /** Tickets, notes made once: true for who asks first. Throws where nobody can tell. */
  async claim(id: string, ttlMs: number): Promise<boolean> {
    if (this.#client.status !== "ready") throw new Error("Redis cannot be asked");
    const { status } = this.#client;
    const set = this.#client.set(`sluice:tk:${id}`, "1", "PX", Math.ceil(ttlMs), "NX");
    // "OK", or null for one that was there already.
    const answer = await withDeadline(set.then((text) => ({ isFirst: text === "OK" })));
    if (answer === null) throw new Error(`Redis did not answer (${status})`);
    return answer.isFirst;
  }
}

function readTotal(answer: unknown): Total | null {
  if (!Array.isArray(answer)) return null;
  const [sum, count] = answer as readonly unknown[];
  const total = { taken: Number(sum), processes: Number(count) };
  return Number.isFinite(total.taken) && Number.isInteger(total.processes) ? total : null;
}

/** null: too late, or refused. */
async function withDeadline<T>(answer: Promise<T>): Promise<T | null> {
  const late = new Promise<null>((resolve) => {
    setTimeout(() => resolve(null), QUOTA_LEASE_DEADLINE_MS).unref();
  });
  return Promise.race([answer, late]).catch(() => null);
}
