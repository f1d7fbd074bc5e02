/**
 * Writes a batch and how far it goes in one transaction: all of it is there, or none. What is there
 * already is found by the event's identity; what belongs to a person who has been erased since is
 * left out. It reads no Kafka.
 */
import type { Database } from "./database.ts";
import { troubleOf } from "./database.ts";
import type { Erasures } from "./erasures.ts";
import { LETTER_COLUMNS, poisonLetter } from "./letters.ts";
import { LOCKS, type SchemaNames } from "./migrate.ts";
import { quoted } from "./names.ts";
import type { People } from "./people.ts";
import type { AuditRow, EventRow, LetterRow, SessionRow } from "./record-kinds.ts";
import { LETTERS_TABLE, type Tables } from "./tables.ts";

/** How far one partition has been written, and goes with a batch. */
export interface Reach {
  readonly topic: string;
  readonly partition: number;
  /** What the database has to have now. */
  readonly from: number;
  /** What it will have. */
  readonly to: number;
}

export interface Batch {
  readonly events: readonly EventRow[];
  readonly sessions: readonly SessionRow[];
  readonly letters: readonly LetterRow[];
  readonly audits: readonly AuditRow[];
  readonly reaches: readonly Reach[];
}

export interface Written {
  readonly events: number;
  /** There already, or twice in the batch. */
  readonly doubles: number;
  /** Of persons who were erased after their receipt. */
  readonly erased: number;
  /** Rows the database refused; each is a dead letter. */
  readonly refused: number;
  readonly letters: number;
  readonly sessions: number;
  /** Persons who were erased by this batch. */
  readonly erasures: number;
}

/** Somebody else has written these partitions, or less is written than was thought. */
export class OffsetConflict extends Error {}

export interface WriterParts {
  readonly database: Database;
  readonly tables: Tables;
  readonly erasures: Erasures;
  readonly people: People;
  readonly names: SchemaNames;
}

export class Writer {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Throws OffsetConflict, and what the database throws: then nothing of the batch is there. */
  async write(batch: Batch): Promise<Written> {
    await this.#ensureDays(batch);
    let care = { isCareful: false, isExclusive: batch.audits.some(isErasure) };
    for (;;) {
      try {
        return await this.#parts.database.transaction(() => this.#writeAll(batch, care));
      } catch (error) {
        if (error instanceof LateErasure) care = { ...care, isExclusive: true };
        else if (!care.isCareful && troubleOf(error) === "data")
          care = { ...care, isCareful: true };
        else throw error;
        this.#parts.erasures.forget();
      }
    }
  }

  async #ensureDays({ events, letters }: Batch): Promise<void> {
    const days = new Map<string, Set<string>>();
    const add = (table: string, day: string): void => {
      const known = days.get(table);
      if (known === undefined) days.set(table, new Set([day]));
      else known.add(day);
    };
    for (const { plan, day } of events) {
      add(plan.table, day);
      // Any of them may turn out to be a dead letter.
      add(LETTERS_TABLE, day);
    }
    for (const { day } of letters) add(LETTERS_TABLE, day);
    await this.#parts.tables.ensureDays(days);
  }

  async #writeAll(
    batch: Batch,
    care: { readonly isCareful: boolean; readonly isExclusive: boolean },
  ): Promise<Written> {
    const { database, names, erasures, people } = this.#parts;
    const lock = care.isExclusive ? "pg_advisory_xact_lock" : "pg_advisory_xact_lock_shared";
    await database.query(`SELECT ${lock}(hashtext($1), $2)`, [names.own, LOCKS.people]);
    await this.#moveOffsets(batch.reaches);
    const { fresh, doubles } = await this.#fresh(batch.events);
    const { kept, late } = await erasures.sift(fresh);
    if (late.length > 0) {
      if (!care.isExclusive) throw new LateErasure();
      await erasures.extend(late);
    }
    const refused = await this.#copyEvents(kept, care.isCareful);
    const letters = [...batch.letters, ...refused.map(refusedLetter)];
    await this.#copyLetters(letters);
    const stored = kept.filter((row) => !refused.includes(row));
    const sessions = await erasures.siftSessions(batch.sessions);
    await erasures.remember([...stored, ...sessions]);
    await people.record(stored, sessions);
    await this.#writeAudits(batch.audits);
    for (const { erasure } of batch.audits) {
      if (erasure !== undefined) await erasures.erase(erasure);
    }
    return {
      events: stored.length,
      doubles,
      erased: fresh.length - kept.length,
      refused: refused.length,
      letters: batch.letters.length,
      sessions: sessions.length,
      erasures: batch.audits.filter(isErasure).length,
    };
  }

  /** Holds the rows until the end of the transaction, so that no other process is in between. */
  async #moveOffsets(reaches: readonly Reach[]): Promise<void> {
    const sorted = reaches.toSorted(
      (a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition,
    );
    const rows = await this.#parts.database.query<{ moved: number }>(
      `WITH wanted AS (
         SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
           AS w (topic, kafka_partition, was, becomes)
       ), held AS (
         SELECT o.topic, o.kafka_partition FROM offsets o JOIN wanted USING (topic, kafka_partition)
          ORDER BY 1, 2 FOR UPDATE OF o
       )
       UPDATE offsets o SET next_offset = w.becomes, updated_at = now()
         FROM wanted w JOIN held h USING (topic, kafka_partition)
        WHERE o.topic = w.topic AND o.kafka_partition = w.kafka_partition AND o.next_offset = w.was
       RETURNING 1 AS moved`,
      [
        sorted.map(({ topic }) => topic),
        sorted.map(({ partition }) => partition),
        sorted.map(({ from }) => from),
        sorted.map(({ to }) => to),
      ],
    );
    if (rows.length !== reaches.length) throw new OffsetConflict("the offsets are others");
  }

  /** Those whose identity is new, which it no longer is then. */
  async #fresh(
    events: readonly EventRow[],
  ): Promise<{ readonly fresh: readonly EventRow[]; readonly doubles: number }> {
    if (events.length === 0) return { fresh: [], doubles: 0 };
    const byKey = new Map<string, EventRow>();
    for (const event of events) if (!byKey.has(event.key)) byKey.set(event.key, event);
    // In one order for everybody: two processes that meet in the index wait, but not in a circle.
    const sorted = [...byKey.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const rows = await this.#parts.database.query<{ key: string }>(
      `INSERT INTO event_ids (key, day) SELECT * FROM unnest($1::uuid[], $2::date[])
       ON CONFLICT DO NOTHING RETURNING key`,
      [sorted.map(({ key }) => key), sorted.map(({ day }) => day)],
    );
    const inserted = new Set(rows.map(({ key }) => key));
    const fresh = [...byKey.values()].filter(({ key }) => inserted.has(key));
    return { fresh, doubles: events.length - fresh.length };
  }

  /** Answers the rows that the database refuses, which only a careful writer can tell. */
  async #copyEvents(events: readonly EventRow[], isCareful: boolean): Promise<readonly EventRow[]> {
    const groups = Map.groupBy(events, ({ plan }) => plan.into);
    const refused: EventRow[] = [];
    for (const [into, rows] of groups) {
      if (isCareful) refused.push(...(await this.#copyCarefully(into, rows)));
      else await this.#parts.database.copy(into, rows.map(lineOf));
    }
    return refused;
  }

  /** Halves what is refused until single rows are left. */
  async #copyCarefully(into: string, rows: readonly EventRow[]): Promise<readonly EventRow[]> {
    const { database } = this.#parts;
    await database.run("SAVEPOINT rows");
    try {
      await database.copy(into, rows.map(lineOf));
      await database.run("RELEASE SAVEPOINT rows");
      return [];
    } catch (error) {
      if (troubleOf(error) !== "data") throw error;
      await database.run("ROLLBACK TO SAVEPOINT rows");
      if (rows.length === 1) return rows;
    }
    const half = Math.ceil(rows.length / 2);
    const first = await this.#copyCarefully(into, rows.slice(0, half));
    return [...first, ...(await this.#copyCarefully(into, rows.slice(half)))];
  }

  async #copyLetters(letters: readonly LetterRow[]): Promise<void> {
    if (letters.length === 0) return;
    const into = `${quoted(this.#parts.names.own)}.${LETTERS_TABLE} (${LETTER_COLUMNS})`;
    await this.#parts.database.copy(into, letters.map(lineOf));
  }

  async #writeAudits(audits: readonly AuditRow[]): Promise<void> {
    for (const { atMs, what, tenant, json, topic, partition, offset } of audits) {
      await this.#parts.database.query(
        `INSERT INTO audit (at, what, tenant, said, topic, kafka_partition, kafka_offset)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
        [new Date(atMs), what, tenant, json, topic, partition, offset],
      );
    }
  }
}

/** An erased person turns out to have been known under another id: nobody may write meanwhile. */
class LateErasure extends Error {}

function isErasure({ erasure }: AuditRow): boolean {
  return erasure !== undefined;
}

function lineOf({ line }: { readonly line: string }): string {
  return line;
}

function refusedLetter({ record, receivedAtMs }: EventRow): LetterRow {
  const detail = "the database refuses this row";
  return poisonLetter(record, { code: "refused_by_database", detail, receivedAtMs, header: null });
}
