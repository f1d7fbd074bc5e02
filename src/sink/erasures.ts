/**
 * Who has been erased: removes what is there of a person, and keeps out what still comes of the
 * time before. An erasure names a person by a hash of one id; the ids behind hashes, and what other
 * ids are linked to one, are known from what was written. Everything here is part of the
 * transaction that is open.
 */
import type { Database } from "./database.ts";
import type { ErasureRow, EventRow, Person, SessionRow } from "./record-kinds.ts";
import { quoted } from "./names.ts";
import type { SchemaNames } from "./migrate.ts";
import type { Tables } from "./tables.ts";
import { SINK_PERSONS_REMEMBERED_MAX } from "./limits.ts";

export interface ErasuresParts {
  readonly database: Database;
  readonly tables: Tables;
  readonly names: SchemaNames;
  /** The hash of a person's id, in hex, as the gateway writes it into the audit topic. */
  readonly hash: (tenant: string, id: string) => string;
}

export class Erasures {
  readonly #parts: ErasuresParts;
  /** Ids that are in `persons`, as long as nobody is erased. */
  readonly #remembered = new Set<string>();
  #newest = -1;

  constructor(parts: ErasuresParts) {
    this.#parts = parts;
  }

  /** After a transaction that was undone nothing is known. */
  forget(): void {
    this.#remembered.clear();
  }

  /** `late`: identify events that tell of a second id of somebody who was erased. */
  async sift(
    events: readonly EventRow[],
  ): Promise<{ readonly kept: readonly EventRow[]; readonly late: readonly EventRow[] }> {
    const untilMs = await this.#erasedUntil(events);
    if (untilMs.size === 0) return { kept: events, late: [] };
    const isErased = (row: EventRow): boolean => row.receivedAtMs <= this.#until(row, untilMs);
    const kept = events.filter((row) => !isErased(row));
    const late = events.filter(
      (row) => row.traits !== undefined && isErased(row) && row.actor !== "" && row.user !== "",
    );
    return { kept, late: late.filter((row) => this.#isHalfErased(row, untilMs)) };
  }

  async siftSessions(sessions: readonly SessionRow[]): Promise<readonly SessionRow[]> {
    const untilMs = await this.#erasedUntil(sessions);
    if (untilMs.size === 0) return sessions;
    return sessions.filter((row) => row.startedAtMs > this.#until(row, untilMs));
  }

  /** Erases the other id of those who were erased under one. */
  async extend(events: readonly EventRow[]): Promise<void> {
    const untilMs = await this.#erasedUntil(events);
    for (const row of events) {
      const atMs = this.#until(row, untilMs);
      for (const id of idsOf(row)) {
        const personHash = this.#parts.hash(row.tenant, id);
        await this.erase({ kind: "erasure", tenant: row.tenant, personHash, atMs, requestId: "" }, [
          id,
        ]);
      }
    }
  }

  /** Keeps the hashes of these persons' ids, by which an erasure finds them. */
  async remember(rows: readonly Person[]): Promise<void> {
    const fresh = new Map<string, { readonly tenant: string; readonly id: string }>();
    for (const row of rows) {
      for (const id of idsOf(row)) {
        const key = `${row.tenant}\0${id}`;
        if (!this.#remembered.has(key)) fresh.set(key, { tenant: row.tenant, id });
      }
    }
    if (fresh.size === 0) return;
    const sorted = [...fresh].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, person]) => person);
    await this.#parts.database.query(
      `INSERT INTO persons (tenant, id, hash)
       SELECT t, i, decode(h, 'hex') FROM unnest($1::text[], $2::text[], $3::text[]) AS p (t, i, h)
       ON CONFLICT DO NOTHING`,
      [
        sorted.map(({ tenant }) => tenant),
        sorted.map(({ id }) => id),
        sorted.map(({ tenant, id }) => this.#parts.hash(tenant, id)),
      ],
    );
    if (this.#remembered.size + fresh.size > SINK_PERSONS_REMEMBERED_MAX) this.#remembered.clear();
    for (const key of fresh.keys()) this.#remembered.add(key);
  }

  /** Removes what was received of a person until then, and of the actors linked to him. */
  async erase(erasure: ErasureRow, also: readonly string[] = []): Promise<void> {
    const { tenant, personHash, atMs, requestId } = erasure;
    const { database, hash } = this.#parts;
    const known = await database.query<{ id: string }>(
      "SELECT id FROM persons WHERE tenant = $1 AND hash = decode($2, 'hex')",
      [tenant, personHash],
    );
    const own = [...new Set([...also, ...known.map(({ id }) => id)])];
    const linked = await database.query<{ actor: string }>(
      "SELECT actor FROM links WHERE tenant = $1 AND user_id = ANY($2)",
      [tenant, own],
    );
    const ids = [...new Set([...own, ...linked.map(({ actor }) => actor)])];
    const hashes = new Set([personHash, ...ids.map((id) => hash(tenant, id))]);
    await database.query(
      `INSERT INTO erasures (tenant, person_hash, erased_at, request_id)
       SELECT $1, decode(h, 'hex'), $3, $4 FROM unnest($2::text[]) AS e (h)
       ON CONFLICT (tenant, person_hash) DO UPDATE
         SET erased_at = greatest(erasures.erased_at, excluded.erased_at), ordinal = DEFAULT`,
      [tenant, [...hashes], new Date(atMs), requestId],
    );
    if (ids.length > 0) await this.#remove({ tenant, ids, at: new Date(atMs) });
    this.#remembered.clear();
  }

  async #remove(gone: {
    readonly tenant: string;
    readonly ids: readonly string[];
    readonly at: Date;
  }): Promise<void> {
    const { database, tables, names } = this.#parts;
    const values = [gone.tenant, gone.ids, gone.at];
    for (const table of await tables.all()) {
      await database.query(
        `DELETE FROM ${table} WHERE _tenant = $1 AND (_actor = ANY($2) OR _user = ANY($2))
            AND _received_at <= $3`,
        values,
      );
    }
    await database.query(
      `DELETE FROM sessions WHERE tenant = $1 AND started_at <= $3
          AND (actor = ANY($2) OR user_id = ANY($2) OR person = ANY($2))`,
      values,
    );
    // What a refused event held is only bytes: those that hold one of the ids go.
    await database.query(
      `DELETE FROM ${quoted(names.own)}.dead_letters d WHERE d.tenant = $1 AND d.received_at <= $3
          AND EXISTS (SELECT FROM unnest($2::text[]) AS i (id)
                       WHERE position(convert_to(i.id, 'UTF8') IN d.payload) > 0)`,
      values,
    );
    const [tenant, ids] = values;
    await database.query(
      "DELETE FROM links WHERE tenant = $1 AND (actor = ANY($2) OR user_id = ANY($2))",
      [tenant, ids],
    );
    await database.query("DELETE FROM profiles WHERE tenant = $1 AND person = ANY($2)", [
      tenant,
      ids,
    ]);
    await database.query("DELETE FROM persons WHERE tenant = $1 AND id = ANY($2)", [tenant, ids]);
  }

  /** Until when, by tenant and id, for those of these rows who were erased. */
  async #erasedUntil(rows: readonly Person[]): Promise<ReadonlyMap<string, number>> {
    const { database, hash } = this.#parts;
    const [newest] = await database.query<{ ordinal: string }>(
      "SELECT coalesce(max(ordinal), 0) AS ordinal FROM erasures",
    );
    const ordinal = Number(newest?.ordinal ?? 0);
    if (ordinal !== this.#newest) this.#remembered.clear();
    this.#newest = ordinal;
    if (ordinal === 0) return new Map();
    const byHash = new Map<string, string>();
    for (const row of rows) {
      for (const id of idsOf(row)) byHash.set(hash(row.tenant, id), `${row.tenant}\0${id}`);
    }
    const found = await database.query<{ hash: string; at: Date }>(
      `SELECT encode(person_hash, 'hex') AS hash, erased_at AS at FROM erasures
        WHERE person_hash = ANY(SELECT decode(h, 'hex') FROM unnest($1::text[]) AS w (h))`,
      [[...byHash.keys()]],
    );
    return new Map(found.map((row) => [byHash.get(row.hash) ?? "", row.at.getTime()]));
  }

  #until({ tenant, actor, user }: Person, untilMs: ReadonlyMap<string, number>): number {
    return Math.max(
      untilMs.get(`${tenant}\0${actor}`) ?? Number.NEGATIVE_INFINITY,
      untilMs.get(`${tenant}\0${user}`) ?? Number.NEGATIVE_INFINITY,
    );
  }

  /** Only the user was erased, and the actor is his from this event on. */
  #isHalfErased({ tenant, actor, user }: Person, untilMs: ReadonlyMap<string, number>): boolean {
    const actorMs = untilMs.get(`${tenant}\0${actor}`);
    const userMs = untilMs.get(`${tenant}\0${user}`);
    return userMs !== undefined && (actorMs === undefined || actorMs < userMs);
  }
}

function idsOf({ actor, user }: Person): readonly string[] {
  return [...new Set([actor, user])].filter((id) => id !== "");
}
