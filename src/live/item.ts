/** A record on its way to those who want it, and what its value says. Pure. */
import type { KafkaRecord } from "../delivery/topic-reader.ts";
import type { RecordValue } from "../schema/value-decoder.ts";
import type { Channel } from "./channels.ts";
import type { LiveFrame } from "./frames.ts";
import { originOf } from "./origin.ts";
import type { Origin } from "./origin.ts";

/** A record on its way to the shards. */
export interface Item {
  readonly record: KafkaRecord;
  /** null: it is nobody's. */
  readonly origin: Origin | null;
  /** null: nobody has wanted it yet. */
  told: Told | null;
  deliveries: number;
}

export interface Told {
  readonly frame: LiveFrame;
  readonly fields: () => unknown;
  /** What its channels' filters have said. */
  readonly passing: Map<Channel, boolean>;
}

export function itemOf(record: KafkaRecord): Item {
  return { record, origin: originOf(record), told: null, deliveries: 0 };
}

/** Asks each filter once. */
export function passes({ fields, passing }: Told, channel: Channel): boolean {
  const { filter } = channel;
  if (filter === null) return true;
  const known = passing.get(channel);
  if (known !== undefined) return known;
  const isPassing = filter.passes(fields());
  passing.set(channel, isPassing);
  return isPassing;
}

/** The fields of a value, parsed when the first filter asks for them. */
export function lazyFields(value: RecordValue): () => unknown {
  let fields: { readonly parsed: unknown } | null = null;
  return () => {
    // Decoded JSON is sound.
    fields ??= { parsed: value.kind === "avro" ? JSON.parse(value.json) : null };
    return fields.parsed;
  };
}
