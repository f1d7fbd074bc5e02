/** What is wanted of a batch, and in which shards: found by its channels, not by looking at all. */
import type { Channel } from "./channels.ts";
import type { Item } from "./item.ts";

/** An item, and who may want it; their filters have not been asked. */
export interface Wanted {
  readonly item: Item;
  readonly channels: readonly Channel[];
}

/** Shards from this one on where somebody may want something of it, in their order. */
export function shardsOf(wanted: readonly Wanted[], first: number): readonly number[] {
  const shards = new Set<number>();
  for (const channel of new Set(wanted.flatMap(({ channels }) => channels))) {
    for (const [shard, { listeners, joiners }] of channel.rooms) {
      if (shard >= first && listeners + joiners.size > 0) shards.add(shard);
    }
  }
  return [...shards].toSorted((left, right) => left - right);
}

/**
 * Has one of the rooms of a shard been told so much since it was last looked who does not keep up?
 * Then it counts from 0 again.
 */
export function mustLook(
  wanted: readonly Wanted[],
  { shard, bytesMax }: { readonly shard: number; readonly bytesMax: number },
): boolean {
  const rooms = wanted
    .flatMap(({ channels }) => channels)
    .flatMap((channel) => channel.rooms.get(shard) ?? []);
  if (!rooms.some(({ bytes }) => bytes > bytesMax)) return false;
  for (const room of rooms) room.bytes = 0;
  return true;
}
