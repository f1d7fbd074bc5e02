/**
 * What a tenant may ask of a person's sessions: to see them, and to have them erased. A person is
 * looked for by one key in all sources of the tenant, with the actors that were linked to it; each
 * erasure is noted before it counts as done. It knows neither HTTP nor Kafka.
 */
import { partsOfActorKey } from "./book.ts";
import type { BookFailure, Found, SessionBook, SessionFacts } from "./book.ts";
import type { Sessions } from "./sessions.ts";

/** Who has had what erased; the person's key is in it only as a hash. */
export interface AuditRecord {
  readonly what: "sessions_erased";
  /** RFC 3339. */
  readonly at: string;
  readonly tenant: string;
  /** Where the one who asked belongs, and by what he was known. */
  readonly by: {
    readonly source: string;
    /** The beginning of his key's digest; null: a token. */
    readonly key: string | null;
    /** Of a token: who signed it, and whom it names. */
    readonly issuer?: string;
    readonly subject?: string | null;
  };
  readonly person: string;
  readonly sessions: number;
  readonly requestId: string;
}

export interface DeskParts {
  readonly sessions: Sessions;
  readonly book: SessionBook;
  /** Names of the tenant's sources. */
  readonly sourcesOf: (tenant: string) => readonly string[];
  /** How long processes may still know sessions of a tenant (ms). */
  readonly markMsOf: (tenant: string) => number;
  /** A hash of a person's key that cannot be turned back. */
  readonly hash: (tenant: string, key: string) => string;
  /**
   * Notes an erasure; false: it is not known to be noted. Never rejects. null: nobody may erase.
   */
  readonly note: ((record: AuditRecord) => Promise<boolean>) | null;
  readonly onErased: (result: "ok" | "failed") => void;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

export interface ErasureRequest {
  readonly tenant: string;
  readonly key: string;
  readonly by: AuditRecord["by"];
  readonly requestId: string;
}

export type Erased = Found<number> | { readonly kind: "off" } | { readonly kind: "unnoted" };

export class SessionDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** All sessions that are known of a person, those of linked actors among them. Never rejects. */
  async show(tenant: string, key: string): Promise<Found<readonly object[]>> {
    const timeMs = this.#parts.nowMs();
    const actors = await this.#actorsOf(tenant, key);
    if (actors.kind === "failed") return actors;
    const shown: object[] = [];
    for (const actorKey of actors.value) {
      const sessions = await this.#parts.book.find(actorKey);
      if (sessions.kind === "failed") return sessions;
      shown.push(...sessions.value.map((facts) => shownSession(facts, timeMs)));
    }
    return { kind: "found", value: shown };
  }

  /** Never rejects. What failed may be asked for again: erasing twice does no harm. */
  async erase(request: ErasureRequest): Promise<Erased> {
    const { note, nowMs, hash, onErased } = this.#parts;
    if (note === null) return { kind: "off" };
    const { tenant, key, by, requestId } = request;
    const erased = await this.#eraseAll(tenant, key);
    if (erased.kind === "failed") {
      onErased("failed");
      return erased;
    }
    const isNoted = await note({
      what: "sessions_erased",
      at: new Date(nowMs()).toISOString(),
      tenant,
      by,
      person: hash(tenant, key),
      sessions: erased.value,
      requestId,
    });
    onErased(isNoted ? "ok" : "failed");
    return isNoted ? erased : { kind: "unnoted" };
  }

  async #eraseAll(tenant: string, key: string): Promise<Found<number>> {
    const { sessions, book, markMsOf } = this.#parts;
    const actors = await this.#actorsOf(tenant, key);
    if (actors.kind === "failed") return actors;
    let count = 0;
    for (const actorKey of actors.value) {
      const erased = await book.erase(actorKey, markMsOf(tenant));
      if (erased.kind === "failed") return erased;
      sessions.forget(actorKey);
      count += erased.value;
    }
    return { kind: "found", value: count };
  }

  /** The person's own key in each source comes last: until it is erased, its links are there. */
  async #actorsOf(
    tenant: string,
    key: string,
  ): Promise<{ readonly kind: "found"; readonly value: readonly string[] } | BookFailure> {
    const { book, sourcesOf } = this.#parts;
    const actorKeys: string[] = [];
    for (const source of sourcesOf(tenant)) {
      const knownKey = `${tenant}:${source}:${key}`;
      const linked = await book.linkedTo(knownKey);
      if (linked.kind === "failed") return linked;
      const others = linked.value.filter((actor) => actor !== key);
      actorKeys.push(...others.map((actor) => `${tenant}:${source}:${actor}`), knownKey);
    }
    return { kind: "found", value: actorKeys };
  }
}

/** What is shown of a session. */
function shownSession(facts: SessionFacts, nowMs: number): object {
  const { id, startMs, lastMs, count, entry, exit, user, actorKey, isPast, dueMs } = facts;
  const { source, actor } = partsOfActorKey(actorKey);
  return {
    id,
    source,
    actor,
    ...(user === "" ? {} : { user_id: user }),
    started_at: startMs,
    last_at: lastMs,
    events: count,
    entry,
    exit,
    over: isPast || dueMs <= nowMs,
  };
}
