/**
 * Sessions, links and profiles: what identify events and session summaries say of persons. A
 * profile is that of a known user, or of an anonymous actor until an identify event links him.
 * Counts are made anew from the sessions, so that nothing is counted twice. Everything here is part
 * of the transaction that is open.
 */
import type { Database } from "./database.ts";
import type { EventRow, SessionRow } from "./record-kinds.ts";

interface PersonId {
  readonly tenant: string;
  readonly person: string;
}

/** What identify events said of one person, the later above the earlier. */
interface Portrait extends PersonId {
  readonly isKnown: boolean;
  traits: Readonly<Record<string, unknown>>;
  readonly firstMs: number;
  lastMs: number;
}

export class People {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async record(events: readonly EventRow[], sessions: readonly SessionRow[]): Promise<void> {
    const identifies = events.filter(({ traits, actor, user }) => {
      return traits !== undefined && (actor !== "" || user !== "");
    });
    if (identifies.length === 0 && sessions.length === 0) return;
    const portraits = new Portraits();
    const links = identifies.filter(
      ({ actor, user }) => user !== "" && actor !== "" && actor !== user,
    );
    if (links.length > 0) await this.#link(links, portraits);
    const userOf = await this.#usersOf([...identifies, ...sessions]);
    for (const row of identifies) {
      const person = row.user || userOf(row) || row.actor;
      const isKnown = row.user !== "" || person !== row.actor;
      portraits.add(
        { tenant: row.tenant, person, isKnown, atMs: row.eventTimeMs },
        row.traits ?? "{}",
      );
    }
    await this.#writeSessions(sessions, userOf);
    await this.#writePortraits(portraits.all());
    const touched = new Map<string, PersonId>();
    for (const row of [...identifies, ...sessions]) {
      const person = row.user || userOf(row) || row.actor;
      if (person !== "") touched.set(`${row.tenant}\0${person}`, { tenant: row.tenant, person });
    }
    await this.#count([...touched.values()]);
  }

  /** What anonymous actors did belongs to the users they turned out to be. */
  async #link(rows: readonly EventRow[], portraits: Portraits): Promise<void> {
    const newest = new Map<string, EventRow>();
    for (const row of rows) {
      const key = `${row.tenant}\0${row.actor}\0${row.user}`;
      const known = newest.get(key);
      if (known === undefined || known.eventTimeMs < row.eventTimeMs) newest.set(key, row);
    }
    const links = [...newest].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    const columns = [
      links.map(({ tenant }) => tenant),
      links.map(({ actor }) => actor),
      links.map(({ user }) => user),
      links.map(({ eventTimeMs }) => new Date(eventTimeMs)),
    ];
    await this.#database.query(
      `INSERT INTO links (tenant, actor, user_id, linked_at)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
       ON CONFLICT (tenant, actor, user_id) DO UPDATE
         SET linked_at = greatest(links.linked_at, excluded.linked_at)`,
      columns,
    );
    await this.#database.query(
      `UPDATE sessions s SET person = l.user_id
         FROM (SELECT DISTINCT ON (tenant, actor) tenant, actor, user_id FROM links
                WHERE (tenant, actor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
                ORDER BY tenant, actor, linked_at DESC, user_id) l
        WHERE s.tenant = l.tenant AND s.actor = l.actor AND s.user_id IS NULL`,
      columns.slice(0, 2),
    );
    const gone = await this.#database.query<{
      tenant: string;
      person: string;
      traits: object;
      at: Date;
    }>(
      `DELETE FROM profiles WHERE NOT is_known
          AND (tenant, person) IN (SELECT * FROM unnest($1::text[], $2::text[]))
       RETURNING tenant, person, traits, coalesce(traits_at, first_seen_at) AS at`,
      columns.slice(0, 2),
    );
    for (const { tenant, person, traits, at } of gone) {
      const user =
        links.find((row) => row.tenant === tenant && row.actor === person)?.user ?? person;
      const found = { tenant, person: user, isKnown: true, atMs: at.getTime() };
      portraits.add(found, JSON.stringify(traits));
    }
  }

  /** The newest user that an actor is linked to; "": none. */
  async #usersOf(
    rows: readonly (EventRow | SessionRow)[],
  ): Promise<(row: EventRow | SessionRow) => string> {
    const anonymous = rows.filter(({ user, actor }) => user === "" && actor !== "");
    if (anonymous.length === 0) return () => "";
    const found = await this.#database.query<{ tenant: string; actor: string; user_id: string }>(
      `SELECT DISTINCT ON (tenant, actor) tenant, actor, user_id FROM links
        WHERE (tenant, actor) IN (SELECT * FROM unnest($1::text[], $2::text[]))
        ORDER BY tenant, actor, linked_at DESC, user_id`,
      [anonymous.map(({ tenant }) => tenant), anonymous.map(({ actor }) => actor)],
    );
    const users = new Map(found.map((row) => [`${row.tenant}\0${row.actor}`, row.user_id]));
    return ({ tenant, actor }) => users.get(`${tenant}\0${actor}`) ?? "";
  }

  async #writeSessions(
    sessions: readonly SessionRow[],
    userOf: (row: SessionRow) => string,
  ): Promise<void> {
    if (sessions.length === 0) return;
    const newest = new Map<string, SessionRow>();
    for (const row of sessions) {
      const key = `${row.tenant}\0${row.source}\0${row.sessionId}`;
      if ((newest.get(key)?.revision ?? -2) <= row.revision) newest.set(key, row);
    }
    const rows = [...newest]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, row]) => ({
        tenant: row.tenant,
        source: row.source,
        session_id: row.sessionId,
        actor: row.actor,
        user_id: row.user === "" ? null : row.user,
        person: row.user || userOf(row) || row.actor,
        started_at: new Date(row.startedAtMs),
        ended_at: row.endedAtMs === null ? null : new Date(row.endedAtMs),
        duration_ms: row.durationMs,
        events: row.events,
        entry: row.entry,
        exit: row.exit,
        reason: row.reason,
        revision: row.revision,
      }));
    await this.#database.query(
      `INSERT INTO sessions SELECT * FROM json_populate_recordset(NULL::sessions, $1)
       ON CONFLICT (tenant, source, session_id) DO UPDATE SET
         actor = excluded.actor, user_id = coalesce(excluded.user_id, sessions.user_id),
         person = CASE WHEN excluded.user_id IS NULL AND sessions.user_id IS NOT NULL
                       THEN sessions.person ELSE excluded.person END,
         started_at = excluded.started_at, ended_at = excluded.ended_at,
         duration_ms = excluded.duration_ms, events = excluded.events,
         entry = coalesce(excluded.entry, sessions.entry), exit = excluded.exit,
         reason = excluded.reason, revision = excluded.revision
       WHERE sessions.revision <= excluded.revision`,
      [JSON.stringify(rows)],
    );
  }

  /** The newer holds; what comes late only adds what is not there. */
  async #writePortraits(portraits: readonly Portrait[]): Promise<void> {
    if (portraits.length === 0) return;
    await this.#database.query(
      `INSERT INTO profiles AS p
         (tenant, person, is_known, traits, traits_at, first_seen_at, last_seen_at)
       SELECT t, person, known, traits::jsonb, last_at, first_at, last_at
         FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::timestamptz[],
                     $6::timestamptz[]) AS n (t, person, known, traits, first_at, last_at)
       ON CONFLICT (tenant, person) DO UPDATE SET
         is_known = p.is_known OR excluded.is_known,
         traits = CASE WHEN p.traits_at IS NULL OR excluded.traits_at >= p.traits_at
                       THEN p.traits || excluded.traits ELSE excluded.traits || p.traits END,
         traits_at = greatest(p.traits_at, excluded.traits_at),
         first_seen_at = least(p.first_seen_at, excluded.first_seen_at),
         last_seen_at = greatest(p.last_seen_at, excluded.last_seen_at)`,
      [
        portraits.map(({ tenant }) => tenant),
        portraits.map(({ person }) => person),
        portraits.map(({ isKnown }) => isKnown),
        portraits.map(({ traits }) => JSON.stringify(traits)),
        portraits.map(({ firstMs }) => new Date(firstMs)),
        portraits.map(({ lastMs }) => new Date(lastMs)),
      ],
    );
  }

  /** Sessions and events of persons, out of their sessions. */
  async #count(persons: readonly PersonId[]): Promise<void> {
    if (persons.length === 0) return;
    const sorted = persons.toSorted((a, b) =>
      `${a.tenant}\0${a.person}` < `${b.tenant}\0${b.person}` ? -1 : 1,
    );
    await this.#database.query(
      `INSERT INTO profiles AS p (tenant, person, is_known, first_seen_at, last_seen_at, sessions,
                                  events, anonymous_ids)
       SELECT s.tenant, s.person, 
              bool_or(s.person IS DISTINCT FROM s.actor OR s.user_id IS NOT NULL),
              min(s.started_at), max(coalesce(s.ended_at, s.started_at)), count(*), sum(s.events),
              coalesce((SELECT array_agg(DISTINCT l.actor) FROM links l
                         WHERE l.tenant = s.tenant AND l.user_id = s.person), '{}')
         FROM sessions s
        WHERE (s.tenant, s.person) IN (SELECT * FROM unnest($1::text[], $2::text[]))
        GROUP BY s.tenant, s.person ORDER BY s.tenant, s.person
       ON CONFLICT (tenant, person) DO UPDATE SET
         is_known = p.is_known OR excluded.is_known,
         first_seen_at = least(p.first_seen_at, excluded.first_seen_at),
         last_seen_at = greatest(p.last_seen_at, excluded.last_seen_at),
         sessions = excluded.sessions, events = excluded.events,
         anonymous_ids = excluded.anonymous_ids`,
      [sorted.map(({ tenant }) => tenant), sorted.map(({ person }) => person)],
    );
    await this.#database.query(
      `UPDATE profiles p SET anonymous_ids = l.actors
         FROM (SELECT tenant, user_id, array_agg(DISTINCT actor ORDER BY actor) AS actors FROM links
                WHERE (tenant, user_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
                GROUP BY tenant, user_id) l
        WHERE p.tenant = l.tenant AND p.person = l.user_id AND p.anonymous_ids <> l.actors`,
      [sorted.map(({ tenant }) => tenant), sorted.map(({ person }) => person)],
    );
  }
}

/** Gathers what one batch says of each person. */
class Portraits {
  readonly #byPerson = new Map<string, Portrait>();

  add(
    found: PersonId & { readonly isKnown: boolean; readonly atMs: number },
    traitsJson: string,
  ): void {
    const { tenant, person, isKnown, atMs } = found;
    // The decoder lets only objects through.
    const traits = JSON.parse(traitsJson) as Readonly<Record<string, unknown>>;
    const key = `${tenant}\0${person}`;
    const known = this.#byPerson.get(key);
    if (known === undefined) {
      this.#byPerson.set(key, { tenant, person, isKnown, traits, firstMs: atMs, lastMs: atMs });
      return;
    }
    const isNewer = atMs >= known.lastMs;
    this.#byPerson.set(key, {
      ...known,
      isKnown: known.isKnown || isKnown,
      traits: isNewer ? { ...known.traits, ...traits } : { ...traits, ...known.traits },
      firstMs: Math.min(known.firstMs, atMs),
      lastMs: Math.max(known.lastMs, atMs),
    });
  }

  /** In one order for everybody. */
  all(): readonly Portrait[] {
    return [...this.#byPerson].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
  }
}
