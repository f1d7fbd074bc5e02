/**
 * How far each partition of this member is written, as the database has it, and how far it is
 * gathered. It writes nothing of events.
 */
import type { Place, PlaceOffset } from "../delivery/group-reader.ts";
import type { Database } from "./database.ts";
import type { Reach } from "./writer.ts";

interface OffsetRow {
  readonly topic: string;
  readonly kafka_partition: number;
  readonly next_offset: string;
}

export class Positions {
  readonly #database: Database;
  /** Where a partition that was never read begins. */
  readonly #from: "beginning" | "end";
  readonly #places = new Map<string, { readonly place: Place; next: number }>();

  constructor(database: Database, from: "beginning" | "end") {
    this.#database = database;
    this.#from = from;
  }

  /** Takes these partitions over; throws what the database throws. */
  async load(places: readonly Place[]): Promise<readonly PlaceOffset[]> {
    const firsts = places.map(({ low, high }) => (this.#from === "end" ? high : low));
    await this.#database.query(
      `INSERT INTO offsets (topic, kafka_partition, next_offset)
       SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]) ON CONFLICT DO NOTHING`,
      [...columnsOf(places), firsts],
    );
    await this.#restartReplaced(places);
    const found = await this.#read(places);
    this.#places.clear();
    return places.map((place) => {
      const { topic, partition } = place;
      const offset = found.get(keyOf(place)) ?? 0;
      this.#places.set(keyOf(place), { place, next: offset });
      return { topic, partition, offset };
    });
  }

  /**
   * What is written further than Kafka has records was another topic of this name: the one that is
   * there now is read from its first record. Its events are told by their identity all the same.
   */
  async #restartReplaced(places: readonly Place[]): Promise<void> {
    await this.#database.query(
      `UPDATE offsets o SET next_offset = w.low, updated_at = now()
         FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
           AS w (topic, kafka_partition, low, high)
        WHERE o.topic = w.topic AND o.kafka_partition = w.kafka_partition
          AND o.next_offset > w.high`,
      [...columnsOf(places), places.map(({ low }) => low), places.map(({ high }) => high)],
    );
  }

  /** The next offset of a partition; undefined: it is not ours. */
  expected(record: { readonly topic: string; readonly partition: number }): number | undefined {
    return this.#places.get(keyOf(record))?.next;
  }

  advance(record: { readonly topic: string; readonly partition: number }, next: number): void {
    const known = this.#places.get(keyOf(record));
    if (known !== undefined) known.next = next;
  }

  places(): readonly Place[] {
    return [...this.#places.values()].map(({ place }) => place);
  }

  /** Of each partition: the next offset to gather. */
  gathered(): readonly PlaceOffset[] {
    return [...this.#places.values()].map(({ place: { topic, partition }, next }) => {
      return { topic, partition, offset: next };
    });
  }

  clear(): void {
    this.#places.clear();
  }

  /** Whether the database has all of them where they shall be. */
  async isWritten(reaches: readonly Reach[]): Promise<boolean> {
    const found = await this.#read(reaches);
    return reaches.every((reach) => found.get(keyOf(reach)) === reach.to);
  }

  async #read(
    places: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#database.query<OffsetRow>(
      `SELECT topic, kafka_partition, next_offset FROM offsets
        WHERE (topic, kafka_partition) IN (SELECT * FROM unnest($1::text[], $2::int[]))`,
      columnsOf(places),
    );
    return new Map(
      rows.map((row) => [
        keyOf({ topic: row.topic, partition: row.kafka_partition }),
        Number(row.next_offset),
      ]),
    );
  }
}

function columnsOf(
  places: readonly { readonly topic: string; readonly partition: number }[],
): [string[], number[]] {
  return [places.map(({ topic }) => topic), places.map(({ partition }) => partition)];
}

function keyOf({
  topic,
  partition,
}: {
  readonly topic: string;
  readonly partition: number;
}): string {
  return `${topic}\0${partition}`;
}
