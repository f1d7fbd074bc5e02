/**
 * Announcing, reading and erasing sessions that all gateway processes share. Each call is one or
 * two pipelines; the scripts say what happens inside Redis.
 */
import {
  SESSION_CLAIM_MS,
  SESSION_CLAIM_SESSIONS_MAX,
  SESSION_CLAIMS_MAX,
} from "../limits/sessions.ts";
import { partsOfActorKey } from "./book.ts";
import type { Claim, Found, SessionBook, SessionFacts, Settlement } from "./book.ts";
import {
  CLAIM_SCRIPT,
  DEADLINE_KEYS,
  DEADLINE_SHARDS,
  ERASE_SCRIPT,
  LOOK_SCRIPT,
  RELEASE_SCRIPT,
  SAID_SCRIPT,
  shardOf,
} from "./redis-book-scripts.ts";
import { firstRefusal, isFailure, scriptOf } from "./redis-pipeline.ts";
import type { Batch, Failure, RedisLine } from "./redis-pipeline.ts";
import { ACTOR_KEYS } from "./store.ts";

const CLAIM = scriptOf(CLAIM_SCRIPT);
const LOOK = scriptOf(LOOK_SCRIPT);
const SAID = scriptOf(SAID_SCRIPT);
const RELEASE = scriptOf(RELEASE_SCRIPT);
const ERASE = scriptOf(ERASE_SCRIPT);

/** A claimed key is looked for again after so long, where it came up once more. */
const CLAIMED_AGAIN_MS = 1_000;

/** For reading and erasing: no actor has more sessions that are kept. */
const SESSIONS_FOUND_MAX = 10_000;

/** A session without a stored event is looked at again after so long: Kafka may be slow. */
const UNCOUNTED_MS = 10_000;

export class RedisBook implements SessionBook {
  readonly #line: RedisLine;
  readonly #nowMs: () => number;

  constructor(line: RedisLine, nowMs: () => number) {
    this.#line = line;
    this.#nowMs = nowMs;
  }

  async claim(): Promise<Found<readonly Claim[]>> {
    const nowMs = this.#nowMs();
    const untilMs = nowMs + SESSION_CLAIM_MS;
    const claimed = await this.#exchange((batch) => {
      for (let shard = 0; shard < DEADLINE_SHARDS; shard += 1) {
        const values = [nowMs, untilMs, SESSION_CLAIMS_MAX, nowMs + CLAIMED_AGAIN_MS];
        batch.run(CLAIM, deadlineKeys(shard), values);
      }
    });
    if (!isReplies(claimed)) return failed(claimed);
    const members = claimed.flatMap((reply) => (Array.isArray(reply) ? reply.map(String) : []));
    if (members.length === 0) return { kind: "found", value: [] };
    const actorKeys = members.map(actorKeyOf);
    const looked = await this.#exchange((batch) => {
      members.forEach((member, index) => {
        const actorKey = actorKeys[index] ?? "";
        const isCurrent = member === ACTOR_KEYS.current(actorKey);
        look(batch, { key: member, actorKey, extent: isCurrent ? "due" : "own" });
      });
    });
    if (!isReplies(looked)) return failed(looked);
    const value = members.map((member, index) => {
      const actorKey = actorKeys[index] ?? "";
      return { member, actorKey, untilMs, sessions: factsOf(looked[index], actorKey) };
    });
    return { kind: "found", value };
  }

  async settle(settlements: readonly Settlement[]): Promise<Found<null>> {
    const nowMs = this.#nowMs();
    const said = settlements.flatMap((settlement) => settlement.said);
    const noted = await this.#exchange((batch) => {
      for (const { session, started, ended } of said) {
        const flags = [started ? "1" : "0", ended ? "1" : "0"];
        const { count, isPast } = session;
        const values = [...flags, count, isPast ? "1" : "0", nowMs];
        batch.run(SAID, [session.key], values);
      }
    });
    if (!isReplies(noted)) return failed(noted);
    const released = await this.#exchange((batch) => {
      let row = 0;
      for (const { claim, said: ofClaim, againAtMs } of settlements) {
        const deadlines = ofClaim.map((_, index) => noted[row + index]);
        row += ofClaim.length;
        const next = nextDeadline(claim, { deadlines, againAtMs, nowMs });
        const keys = deadlineKeys(shardOf(claim.actorKey));
        batch.run(RELEASE, keys, [claim.member, claim.untilMs, next ?? ""]);
      }
    });
    return isReplies(released) ? { kind: "found", value: null } : failed(released);
  }

  async find(actorKey: string): Promise<Found<readonly SessionFacts[]>> {
    const replies = await this.#exchange((batch) => {
      look(batch, { key: ACTOR_KEYS.current(actorKey), actorKey, extent: "all" });
    });
    if (!isReplies(replies)) return failed(replies);
    return { kind: "found", value: factsOf(replies[0], actorKey) };
  }

  async linkedTo(knownKey: string): Promise<Found<readonly string[]>> {
    const replies = await this.#exchange(({ pipeline }) => {
      pipeline.smembers(ACTOR_KEYS.linked(knownKey));
    });
    if (!isReplies(replies)) return failed(replies);
    const [actors] = replies;
    return { kind: "found", value: Array.isArray(actors) ? actors.map(String) : [] };
  }

  async erase(actorKey: string, markMs: number): Promise<Found<number>> {
    const current = ACTOR_KEYS.current(actorKey);
    const keys = [current, ACTOR_KEYS.index(actorKey), ACTOR_KEYS.erased(actorKey)];
    const past = ACTOR_KEYS.past(actorKey, "");
    const byClient = ACTOR_KEYS.byClient(actorKey, "");
    const found = await this.find(actorKey);
    if (found.kind === "failed") return found;
    const { tenant, source, actor } = partsOfActorKey(actorKey);
    const users = new Set(found.value.map(({ user }) => user).filter((user) => user !== ""));
    const replies = await this.#exchange((batch) => {
      batch.run(ERASE, keys, [past, byClient, this.#nowMs(), markMs]);
      batch.pipeline.del(ACTOR_KEYS.linked(actorKey));
      for (const user of users) {
        batch.pipeline.srem(ACTOR_KEYS.linked(`${tenant}:${source}:${user}`), actor);
      }
      batch.pipeline.zrem(DEADLINE_KEYS.due(shardOf(actorKey)), current);
    });
    if (!isReplies(replies)) return failed(replies);
    return { kind: "found", value: Number(replies[0]) };
  }

  async #exchange(fill: (batch: Batch) => void): Promise<readonly unknown[] | Failure> {
    const replies = await this.#line.send(fill);
    return isFailure(replies) ? replies : (firstRefusal(replies) ?? replies);
  }
}

function isReplies(replies: readonly unknown[] | Failure): replies is readonly unknown[] {
  return Array.isArray(replies);
}

function failed({ reason, detail }: Failure) {
  return { kind: "failed", reason, detail } as const;
}

function deadlineKeys(shard: number): readonly [string, string] {
  return [DEADLINE_KEYS.due(shard), DEADLINE_KEYS.claimed(shard)];
}

const CURRENT_PREFIX = ACTOR_KEYS.current("").slice(0, -1);

/** A client's id may hold braces, but no space. */
function actorKeyOf(member: string): string {
  const isCurrent = member.startsWith(CURRENT_PREFIX);
  const end = isCurrent ? member.length : member.lastIndexOf(" ");
  return member.slice(CURRENT_PREFIX.length, end - 1);
}

function look(
  batch: Batch,
  at: {
    readonly key: string;
    readonly actorKey: string;
    readonly extent: "own" | "due" | "all";
  },
): void {
  const { key, actorKey, extent } = at;
  const most = extent === "all" ? SESSIONS_FOUND_MAX : SESSION_CLAIM_SESSIONS_MAX;
  const prefixes = [ACTOR_KEYS.past(actorKey, ""), ACTOR_KEYS.byClient(actorKey, "")];
  batch.run(LOOK, [key, ACTOR_KEYS.index(actorKey)], [...prefixes, extent, most]);
}

function factsOf(reply: unknown, actorKey: string): readonly SessionFacts[] {
  if (!Array.isArray(reply)) return [];
  const past = ACTOR_KEYS.past(actorKey, "");
  return reply.flatMap((row: unknown) => {
    if (!Array.isArray(row)) return [];
    const texts = row.map((cell) => (typeof cell === "string" ? cell : ""));
    const [id = "", start, last, n, due, entry = "", exit = "", user = ""] = texts;
    const [begun, said, rev, key = ""] = texts.slice(8);
    return [
      {
        key,
        actorKey,
        id,
        startMs: Number(start),
        lastMs: Number(last),
        count: Number(n),
        entry,
        exit,
        user,
        dueMs: Number(due),
        isPast: key.startsWith(past),
        isBegun: begun === "1",
        isSaid: said === "1",
        revision: Number(rev),
      },
    ];
  });
}

/** When the claimed key is due again; null: never, as far as is known. */
function nextDeadline(
  claim: Claim,
  at: {
    readonly deadlines: readonly unknown[];
    readonly againAtMs: number | null;
    readonly nowMs: number;
  },
): number | null {
  const { nowMs, againAtMs } = at;
  if (againAtMs !== null) return againAtMs;
  if (claim.sessions.length >= SESSION_CLAIM_SESSIONS_MAX) return nowMs;
  const current = claim.sessions
    .filter(({ isPast, dueMs }) => !isPast && dueMs > nowMs)
    .map(({ dueMs, count }) => (count > 0 ? dueMs : Math.min(dueMs, nowMs + UNCOUNTED_MS)));
  // What came up while its end was being said is soon said anew.
  const unsaid = at.deadlines
    .filter((deadline) => deadline !== null)
    .map((deadline) => Math.max(Number(deadline), nowMs + CLAIMED_AGAIN_MS));
  const deadlines = [...current, ...unsaid];
  return deadlines.length === 0 ? null : Math.min(...deadlines);
}
