/**
 * One subscriber's view of one topic: what he has of it, and how he gets the rest.
 *
 *   behind ──all partitions have arrived──▶ live ──too slow──▶ parked ──he reads again──▶ live
 *
 * Behind, a passage carries him; partitions that have arrived he gets from the feed, by himself.
 * Live, he gets what the channels get, and his positions are the feed's.
 */
import { roomName, roomOf } from "./channels.ts";
import type { Channel, Joiner, Offered, Place } from "./channels.ts";
import type { Feed } from "./feed.ts";
import type { LiveFrame } from "./frames.ts";
import { BEGINNING, Passage } from "./passage.ts";
import type { Range } from "./passage.ts";
import type { Subscription } from "./subscription.ts";

/** The subscriber, as his views see him. */
export interface Viewer {
  readonly shard: number;
  isClogged(): boolean;
  send(frame: LiveFrame): void;
  join(channel: string): void;
  leave(channel: string): void;
  gap(topic: string, partition: number, range: Range): void;
  /** A view is live. */
  arrived(): void;
  lost(reason: string): void;
}

/** Where a topic is begun, if not where its feed is. */
export interface Starts {
  /** By partition. All that there is of one that is not among them: it has come since. */
  readonly offsets: ReadonlyMap<number, number>;
  readonly sinceMs: number;
  /** By partition, where it ended after he had asked: he is live when he has all before it. */
  readonly ends: ReadonlyMap<number, number>;
}

export interface ViewParts {
  readonly viewer: Viewer;
  readonly feed: Feed;
  readonly subscription: Subscription;
  readonly types: ReadonlySet<string>;
}

export class TopicView implements Joiner {
  readonly feed: Feed;
  readonly #viewer: Viewer;
  readonly #subscription: Subscription;
  readonly #types: ReadonlySet<string>;
  readonly #channels: readonly Channel[];
  /** Not live: by partition, the next offset that he lacks. */
  #next = new Map<number, number>();
  /** By partition: up to here he has to have it to be live. */
  readonly #ends = new Map<number, number>();
  readonly #joined = new Set<number>();
  #state: "behind" | "live" | "parked" = "behind";
  #passage: Passage | null = null;

  constructor({ viewer, feed, subscription, types }: ViewParts) {
    this.#viewer = viewer;
    this.feed = feed;
    this.#subscription = subscription;
    this.#types = types;
    this.#channels = this.#openChannels();
  }

  get state(): "behind" | "live" | "parked" {
    return this.#state;
  }

  /** By partition, the next offset that those of his shard will be told. */
  get told(): ReadonlyMap<number, number> {
    return this.feed.positionsOf(this.#viewer.shard);
  }

  get passage(): Passage | null {
    return this.#passage;
  }

  /** By partition, the next offset: everything before was sent. */
  get positions(): ReadonlyMap<number, number> {
    if (this.#state === "live") return this.told;
    return new Map([...this.#next, ...(this.#passage?.open ?? [])]);
  }

  #openChannels(): readonly Channel[] {
    const { tenant, keys, filter } = this.#subscription;
    const names: readonly (string | null)[] = keys === null ? [null] : [...keys];
    return [...this.#types].flatMap((type) =>
      names.map((key) => this.feed.channels.open({ tenant, type, key, filter })),
    );
  }

  /** From where the feed is. */
  startNow(): void {
    this.#goLive();
  }

  /** From there. The passage is to be carried. */
  startFrom({ offsets, sinceMs, ends }: Starts): Passage {
    this.#joinFeed();
    for (const partition of this.told.keys()) {
      this.#next.set(partition, offsets.get(partition) ?? BEGINNING);
    }
    for (const [partition, end] of ends) this.#ends.set(partition, end);
    this.#passage = this.#newPassage(new Map(this.#next), {
      sinceMs,
      endOf: (partition) => this.told.get(partition) ?? 0,
      onArrival: (partition) => this.#arrived(partition),
      onDone: () => {
        this.#passage = null;
        this.tryLive();
      },
    });
    return this.#passage;
  }

  /** He is served by himself, and not by the channels. */
  #joinFeed(): void {
    const { shard } = this.#viewer;
    for (const channel of this.#channels) roomOf(channel, shard).joiners.add(this);
  }

  /** A range that he missed. */
  fetch(
    range: { readonly partition: number; readonly from: number; readonly to: number },
    onDone: () => void,
  ): Passage {
    const { partition, from, to } = range;
    const way = { sinceMs: 0, endOf: () => to, onArrival: () => {}, onDone };
    return this.#newPassage(new Map([[partition, from]]), way);
  }

  #newPassage(
    starts: ReadonlyMap<number, number>,
    way: {
      readonly sinceMs: number;
      readonly endOf: (partition: number) => number;
      readonly onArrival: (partition: number) => void;
      readonly onDone: () => void;
    },
  ): Passage {
    const { tenant, keys, filter } = this.#subscription;
    const { topic } = this.feed;
    return new Passage({
      topic,
      starts,
      ...way,
      wants: (origin, key) =>
        origin.tenant === tenant &&
        this.#types.has(origin.type) &&
        (keys === null || (key !== null && keys.has(key))),
      passes: (fields) => filter === null || filter.passes(fields()),
      deliver: (frame) => this.#viewer.send(frame),
      isClogged: () => this.#viewer.isClogged(),
      onGap: (partition, range) => {
        // Of another topic by the same name he has nothing yet.
        if (range.reason === "reset") this.#next.set(partition, 0);
        if (range.reason === "reset") this.#ends.delete(partition);
        this.#viewer.gap(topic, partition, range);
      },
      onFailure: (reason) => this.#viewer.lost(reason),
    });
  }

  /** He has all of a partition that the feed has told. */
  #arrived(partition: number): void {
    const position = this.told.get(partition) ?? 0;
    // A token may be ahead of this process's feed.
    this.#next.set(partition, Math.max(position, this.#next.get(partition) ?? 0));
    this.#joined.add(partition);
  }

  added(partition: number, offset: number): void {
    if (this.#next.has(partition)) return;
    this.#next.set(partition, offset);
    this.#joined.add(partition);
  }

  /** The feed tells an event that a joiner may need. */
  offer({ partition, offset }: Place, frame: Offered): void {
    if (!this.#joined.has(partition) || offset < (this.#next.get(partition) ?? 0)) return;
    if (this.#viewer.isClogged()) {
      this.#putBack(partition, offset);
      return;
    }
    this.#next.set(partition, offset + 1);
    this.#viewer.send(frame);
  }

  /**
   * The feed leaves something out. A passage finds what there is of it by itself; who is parked has
   * missed it with the rest.
   */
  leaveOut(partition: number, { from, to, reason }: Range): void {
    const isReset = reason === "reset";
    const next = this.#state === "live" ? from : (this.#next.get(partition) ?? from);
    const isTold =
      this.#state === "live" || (this.#state === "behind" && this.#joined.has(partition));
    if (isReset) this.#ends.delete(partition);
    if (isReset) this.#next.set(partition, from);
    else if (isTold) this.#next.set(partition, Math.max(next, to));
    const first = isReset ? from : Math.max(from, next);
    if (isTold && first < to) {
      this.#viewer.gap(this.feed.topic, partition, { from: first, to, reason });
    }
  }

  /** He does not read: what comes now he gets by his passage, or it is a gap. */
  #putBack(partition: number, offset: number): void {
    if (this.#passage === null) {
      this.park();
      return;
    }
    this.#joined.delete(partition);
    this.#passage.reopen(partition, offset);
  }

  /**
   * Has he all that the feed has told, and the feed all that was there when he came? Then the
   * channels serve him from here on.
   */
  tryLive(): void {
    if (this.#state !== "behind" || this.#passage !== null) return;
    for (const [partition, position] of this.told) {
      const next = this.#next.get(partition) ?? 0;
      if (position >= Math.max(next, this.#ends.get(partition) ?? 0)) continue;
      this.feed.waiting.add(this);
      return;
    }
    this.#goLive();
    this.#viewer.arrived();
  }

  #goLive(): void {
    this.#state = "live";
    this.feed.waiting.delete(this);
    const { shard } = this.#viewer;
    for (const channel of this.#channels) {
      const room = roomOf(channel, shard);
      room.joiners.delete(this);
      room.listeners += 1;
      this.#viewer.join(roomName(channel, shard));
    }
  }

  #leaveChannels(): void {
    this.feed.waiting.delete(this);
    const { shard } = this.#viewer;
    for (const channel of this.#channels) {
      const room = roomOf(channel, shard);
      room.joiners.delete(this);
      if (this.#state !== "live") continue;
      room.listeners -= 1;
      this.#viewer.leave(roomName(channel, shard));
    }
  }

  /** He is too slow: he hears nothing until he reads again. Who is behind is served as he reads. */
  park(): void {
    if (this.#state === "parked" || this.#passage !== null) return;
    if (this.#state === "live") this.#next = new Map(this.told);
    this.#leaveChannels();
    this.#state = "parked";
  }

  /** What he has missed, by partition. */
  missed(): readonly (readonly [partition: number, range: Range])[] {
    return [...this.told].flatMap(([partition, to]) => {
      // A partition that came meanwhile is missed from its first record on.
      const from = this.#next.get(partition) ?? 0;
      return to > from ? [[partition, { from, to, reason: "slow" }] as const] : [];
    });
  }

  /** He reads again, was told what he missed, and goes on where the feed is. */
  unpark(): void {
    if (this.#state !== "parked") return;
    this.#state = "behind";
    this.#joinFeed();
    for (const partition of this.told.keys()) this.#arrived(partition);
    this.tryLive();
  }

  close(): void {
    this.#leaveChannels();
    for (const channel of this.#channels) this.feed.channels.close(channel);
    if (this.#passage !== null) this.#passage.isOver = true;
  }
}
