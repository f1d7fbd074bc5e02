/**
 * The loop between Kafka and PostgreSQL: gathers records, has them decoded and written, and tries
 * again what may be tried again. How far it has come is kept in PostgreSQL alone, in the
 * transaction of what was written; Kafka is told afterwards, for who looks at the group. While
 * PostgreSQL or the registry is away nothing is read, and the group keeps its member.
 */
import { setTimeout as delay } from "node:timers/promises";

import type { Deduplicator } from "../consumer/deduplicator.ts";
import type { GroupReader, Place, PlaceOffset } from "../delivery/group-reader.ts";
import type { KafkaRecord } from "../delivery/reader.ts";
import { backoffMs } from "../lib/backoff.ts";
import { describeTrouble, troubleOf } from "./database.ts";
import type { Positions } from "./positions.ts";
import type { RecordDecoder } from "./record-decoder.ts";
import type {
  AuditRow,
  EventRow,
  LetterRow,
  SessionRow,
  SinkRow,
  SkippedRecord,
} from "./record-kinds.ts";
import type { Erasures } from "./erasures.ts";
import { RegistryAway } from "./schemas.ts";
import type { Tables } from "./tables.ts";
import { OffsetConflict, type Batch, type Reach, type Writer, type Written } from "./writer.ts";
import {
  SINK_BATCH_BYTES_MAX,
  SINK_BATCH_RECORDS_MAX,
  SINK_POLL_RECORDS_MAX,
  SINK_WRITE_PATIENCE_MS,
} from "./limits.ts";

const RETRY = { firstMs: 200, ceilingMs: 5_000 } as const;

/** What the loop tells of itself. */
export type SinkEvent =
  | { readonly kind: "written"; readonly written: Written; readonly tookMs: number }
  | { readonly kind: "skipped"; readonly why: SkippedRecord["why"] }
  | { readonly kind: "retry"; readonly cause: "database" | "registry"; readonly detail: string }
  /** Others have written partitions that were taken for ours: they are read anew. */
  | { readonly kind: "conflict" }
  | { readonly kind: "assigned"; readonly partitions: number }
  /** Kafka no longer has records that were not written yet. */
  | { readonly kind: "missed"; readonly place: Place; readonly records: number }
  | { readonly kind: "notice"; readonly detail: string };

export interface SinkParts {
  readonly decoder: RecordDecoder;
  readonly writer: Writer;
  readonly positions: Positions;
  readonly deduplicator: Deduplicator;
  readonly tables: Tables;
  readonly erasures: Erasures;
  /** A batch is written when its first record has waited so long. */
  readonly lingerMs: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: SinkEvent) => void;
  readonly nowMs: () => number;
}

/** What has been gathered and not written yet. */
class Gathering {
  readonly events: EventRow[] = [];
  readonly sessions: SessionRow[] = [];
  readonly letters: LetterRow[] = [];
  readonly audits: AuditRow[] = [];
  readonly reaches = new Map<string, Reach>();
  records = 0;
  bytes = 0;
  firstMs = 0;

  add(row: SinkRow): void {
    if (row.kind === "event") this.events.push(row);
    else if (row.kind === "session") this.sessions.push(row);
    else if (row.kind === "letter") this.letters.push(row);
    else if (row.kind === "audit") this.audits.push(row);
  }

  get isFull(): boolean {
    return this.records >= SINK_BATCH_RECORDS_MAX || this.bytes >= SINK_BATCH_BYTES_MAX;
  }

  batch(): Batch {
    const { events, sessions, letters, audits, reaches } = this;
    return { events, sessions, letters, audits, reaches: [...reaches.values()] };
  }
}

export class Sink {
  readonly #parts: SinkParts;
  #gathering = new Gathering();
  /** Taken out of Kafka and not decoded yet. */
  #waiting: KafkaRecord[] = [];

  constructor(parts: SinkParts) {
    this.#parts = parts;
  }

  /** For the group reader: where each partition goes on. Never rejects; ends with the signal. */
  async startOf(places: readonly Place[]): Promise<readonly PlaceOffset[]> {
    const { positions, onEvent, signal } = this.#parts;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const starts = await positions.load(places);
        for (const place of places) this.#tellOfMissed(place, starts);
        onEvent({ kind: "assigned", partitions: places.length });
        return starts;
      } catch (error) {
        await this.#wait("database", { error, attempt });
      }
    }
    return [];
  }

  /** For the group reader: what was gathered is others' now. */
  drop(): void {
    this.#gathering = new Gathering();
    this.#waiting = [];
    this.#forgetDoubles();
    this.#parts.positions.clear();
  }

  /** Until the signal; what was gathered by then is written. Rejects on a defect only. */
  async run(reader: GroupReader): Promise<void> {
    const { signal } = this.#parts;
    while (!signal.aborted) {
      if (this.#waiting.length === 0) await this.#poll(reader);
      await this.#decodeWaiting(reader);
      if (this.#isDue()) await this.#write(reader);
    }
    if (this.#gathering.records > 0) await this.#write(reader);
  }

  async #poll(reader: GroupReader): Promise<void> {
    this.#waiting.push(...(await reader.poll(SINK_POLL_RECORDS_MAX)));
  }

  /** Decodes what waits until the batch is full. */
  async #decodeWaiting(reader: GroupReader): Promise<void> {
    const { decoder, positions, onEvent, nowMs } = this.#parts;
    let done = 0;
    const waiting = this.#waiting;
    for (const record of waiting) {
      if (this.#gathering.isFull || this.#parts.signal.aborted) break;
      const from = positions.expected(record);
      if (from !== undefined && record.offset >= from) {
        const row = decoder.decode(record) ?? (await this.#preparedRow(reader, record));
        if (this.#waiting !== waiting) return;
        if (row === undefined) break;
        if (row.kind === "skipped") onEvent({ kind: "skipped", why: row.why });
        this.#take(record, { row, from, nowMs: nowMs() });
      }
      done += 1;
    }
    this.#waiting = waiting.slice(done);
  }

  /** Undefined: the partition has gone to somebody else while it was waited for. */
  async #preparedRow(reader: GroupReader, record: KafkaRecord): Promise<SinkRow | undefined> {
    const { decoder } = this.#parts;
    const { generation } = reader;
    await this.#persist(reader, () => decoder.prepare(record));
    return generation === reader.generation ? decoder.decode(record) : undefined;
  }

  #take(
    record: KafkaRecord,
    { row, from, nowMs }: { readonly row: SinkRow; readonly from: number; readonly nowMs: number },
  ): void {
    const { topic, partition, offset, value } = record;
    const gathering = this.#gathering;
    const key = `${topic}\0${partition}`;
    const known = gathering.reaches.get(key);
    gathering.add(row);
    gathering.reaches.set(key, { topic, partition, from: known?.from ?? from, to: offset + 1 });
    if (gathering.records === 0) gathering.firstMs = nowMs;
    gathering.records += 1;
    gathering.bytes += value?.length ?? 0;
    this.#parts.positions.advance(record, offset + 1);
  }

  #isDue(): boolean {
    const { records, firstMs, isFull } = this.#gathering;
    return isFull || (records > 0 && this.#parts.nowMs() - firstMs >= this.#parts.lingerMs);
  }

  async #write(reader: GroupReader): Promise<void> {
    const gathering = this.#gathering;
    const { generation } = reader;
    const { writer, onEvent, nowMs } = this.#parts;
    const startMs = nowMs();
    try {
      const written = await this.#persist(reader, async () => {
        const { positions } = this.#parts;
        const batch = gathering.batch();
        // A commit whose answer was lost may have been one.
        if (await positions.isWritten(batch.reaches)) return null;
        return await writer.write(batch);
      });
      if (written === undefined || generation !== reader.generation) return;
      if (written !== null) onEvent({ kind: "written", written, tookMs: nowMs() - startMs });
      reader.commit(
        [...gathering.reaches.values()].map((reach) => ({ ...reach, offset: reach.to })),
      );
      if (this.#gathering === gathering) this.#gathering = new Gathering();
    } catch (error) {
      if (!(error instanceof OffsetConflict)) throw error;
      await this.#startAnew(reader, generation);
    }
  }

  /** Somebody else wrote these partitions: what is in the database holds. */
  async #startAnew(reader: GroupReader, generation: number): Promise<void> {
    const { positions, onEvent } = this.#parts;
    onEvent({ kind: "conflict" });
    const places = positions.places();
    this.#gathering = new Gathering();
    this.#waiting = [];
    this.#forgetDoubles();
    const starts = await this.#persist(reader, () => positions.load(places));
    if (starts === undefined || generation !== reader.generation) return;
    reader.restart(starts);
  }

  /**
   * Does it until it is done, or not ours any more (undefined). Meanwhile nothing more is read, but
   * the group hears of us.
   */
  async #persist<T>(reader: GroupReader, work: () => Promise<T>): Promise<T | undefined> {
    const { generation } = reader;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#keepingAlive(reader, work());
      } catch (error) {
        if (error instanceof OffsetConflict) throw error;
        if (this.#parts.signal.aborted && attempt > 1) return undefined;
        if (troubleOf(error) === "stale") this.#parts.tables.forget();
        this.#parts.erasures.forget();
        const cause = error instanceof RegistryAway ? "registry" : "database";
        await this.#keepingAlive(reader, this.#wait(cause, { error, attempt }));
      }
      if (generation !== reader.generation) return undefined;
    }
  }

  /** Work that takes long stops the reading; polling goes on, or the group gives us up. */
  async #keepingAlive<T>(reader: GroupReader, work: Promise<T>): Promise<T> {
    let isDone = false;
    const settled = work.finally(() => {
      isDone = true;
    });
    const patience = new AbortController();
    await Promise.race([
      settled.catch(() => {}),
      delay(SINK_WRITE_PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => {}),
    ]);
    patience.abort();
    while (!isDone) {
      reader.pause();
      await this.#poll(reader);
    }
    reader.resume();
    return await settled;
  }

  async #wait(
    cause: "database" | "registry",
    { error, attempt }: { readonly error: unknown; readonly attempt: number },
  ): Promise<void> {
    const { onEvent, signal } = this.#parts;
    onEvent({ kind: "retry", cause, detail: describeTrouble(error) });
    const ms = backoffMs(attempt, { ...RETRY, randomUnit: Math.random });
    await delay(ms, undefined, { signal }).catch(() => {});
  }

  #tellOfMissed(place: Place, starts: readonly PlaceOffset[]): void {
    const start = starts.find(
      ({ topic, partition }) => topic === place.topic && partition === place.partition,
    );
    const records = place.low - (start?.offset ?? place.low);
    if (records > 0) this.#parts.onEvent({ kind: "missed", place, records });
  }

  /** Records that are read again would count as doubles of themselves. */
  #forgetDoubles(): void {
    for (const place of this.#parts.positions.places()) {
      this.#parts.deduplicator.forgetPartition(place.topic, place.partition);
    }
  }
}
