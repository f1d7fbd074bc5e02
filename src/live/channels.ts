/**
 * Who wants what of one topic. A channel is one wish that any number of subscribers share: a
 * tenant, a type, a key or all, a filter or none. Each event is matched against wishes and not
 * against subscribers, and its frame goes to each channel once, whoever listens there.
 */
import type { Filter } from "./filter.ts";

/** A subscriber who does not have everything by the channel yet: he is served by himself. */
export interface Joiner {
  /** A frame of an event at this place; he knows whether he needs it. */
  offer(place: Place, text: Offered): void;
  /** The topic has got a partition, which the feed tells from this offset on. */
  added(partition: number, offset: number): void;
}

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface Offered {
  readonly t: string;
  readonly text: string;
}

export interface Wish {
  readonly tenant: string;
  readonly type: string;
  readonly key: string | null;
  readonly filter: Filter | null;
}

/** Those of one shard in a channel. */
export interface Room {
  /** Who hears by the door. */
  listeners: number;
  readonly joiners: Set<Joiner>;
  /** Of frames that were told here since it was last looked who does not keep up. */
  bytes: number;
}

export interface Channel {
  /** What the door's publish and subscribe know it by, with the number of a shard: roomName. */
  readonly name: string;
  readonly filter: Filter | null;
  /** By number of the shard. */
  readonly rooms: Map<number, Room>;
  /** Who has it open, listening or joining. */
  users: number;
  readonly forget: () => void;
}

/** Channels of one tenant and type. */
interface Shelf {
  readonly all: Map<string, Channel>;
  readonly byKey: Map<string, Map<string, Channel>>;
}

const NONE: readonly Channel[] = [];

export class Channels {
  readonly #shelves = new Map<string, Shelf>();
  readonly #prefix: string;
  #made = 0;

  /** @param prefix unique among the topics of the process */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get size(): number {
    let size = 0;
    for (const { all, byKey } of this.#shelves.values()) {
      size += all.size;
      for (const shelf of byKey.values()) size += shelf.size;
    }
    return size;
  }

  /** The channel of this wish, which has one user more. */
  open({ tenant, type, key, filter }: Wish): Channel {
    const name = shelfName(tenant, type);
    const shelf: Shelf = this.#shelves.get(name) ?? { all: new Map(), byKey: new Map() };
    this.#shelves.set(name, shelf);
    const row = key === null ? shelf.all : (shelf.byKey.get(key) ?? new Map<string, Channel>());
    if (key !== null) shelf.byKey.set(key, row);
    const text = filter?.text ?? "";
    const known = row.get(text);
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    this.#made += 1;
    const forget = (): void => {
      row.delete(text);
      if (key !== null && row.size === 0) shelf.byKey.delete(key);
      if (shelf.all.size === 0 && shelf.byKey.size === 0) this.#shelves.delete(name);
    };
    const channel = { name: `${this.#prefix}/${this.#made.toString(36)}`, filter, forget };
    const opened: Channel = { ...channel, rooms: new Map(), users: 1 };
    row.set(text, opened);
    return opened;
  }

  /** Everybody who is served by himself; who has several channels comes several times. */
  *joiners(): Iterable<Joiner> {
    for (const { all, byKey } of this.#shelves.values()) {
      for (const row of [all, ...byKey.values()]) {
        for (const { rooms } of row.values()) {
          for (const { joiners } of rooms.values()) yield* joiners;
        }
      }
    }
  }

  /** One user less. */
  close(channel: Channel): void {
    channel.users -= 1;
    if (channel.users === 0) channel.forget();
  }

  /** The channels that an event may belong to; filters have not been asked. */
  of(tenant: string, type: string, key: () => string | null): readonly Channel[] {
    const shelf = this.#shelves.get(shelfName(tenant, type));
    if (shelf === undefined) return NONE;
    const text = shelf.byKey.size === 0 ? null : key();
    const keyed = text === null ? undefined : shelf.byKey.get(text);
    if (keyed === undefined) return [...shelf.all.values()];
    return [...shelf.all.values(), ...keyed.values()];
  }
}

/** What the door knows a channel's room by. */
export function roomName({ name }: Channel, shard: number): string {
  return `${name}.${shard}`;
}

/** The room of a shard in a channel, made where there is none. */
export function roomOf({ rooms }: Channel, shard: number): Room {
  const known = rooms.get(shard);
  if (known !== undefined) return known;
  const room: Room = { listeners: 0, joiners: new Set(), bytes: 0 };
  rooms.set(shard, room);
  return room;
}

function shelfName(tenant: string, type: string): string {
  return `${tenant}\0${type}`;
}
