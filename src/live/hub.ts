/**
 * The live feed of a process: its subscribers, the feeds of the topics they look at, and what is to
 * be done for many at once: heartbeats, a look at who is slow or over, the drain.
 */
import { setTimeout as delay } from "node:timers/promises";

import type { Admission, Principal } from "../admission/admission.ts";
import type { Clock } from "../lib/clock.ts";
import {
  LIVE_BUFFER_BYTES_MAX,
  LIVE_BUFFER_BYTES_MIN,
  LIVE_BUFFERS_BYTES_MAX,
  LIVE_CATCH_UP_RECORDS_MAX,
  LIVE_FEED_LINGER_MS,
  LIVE_FEEDS_MAX,
  LIVE_PARTITIONS_LOOK_MS,
  LIVE_SHARD_SUBSCRIBERS,
  LIVE_TURN_BYTES,
  LIVE_WRITE_BYTES,
} from "../limits/live.ts";
import { HELLO_TIMEOUT_MS } from "../limits/streams.ts";
import { Census } from "../stream/census.ts";
import { Allowance } from "./allowance.ts";
import { CatchUps } from "./catch-up.ts";
import type { LivePeer, LiveSocket } from "./connection.ts";
import { Feed } from "./feed.ts";
import type { LeftOut } from "./feed.ts";
import type { LiveFrame } from "./frames.ts";
import { Heartbeats } from "./heartbeats.ts";
import { REFUSALS } from "./hub-parts.ts";
import type { LiveHubParts, LiveObserver, LiveRefusal, LiveSource } from "./hub-parts.ts";
import { Returning } from "./returning.ts";
import { Shards } from "./shards.ts";
import { Subscriber } from "./subscriber.ts";
import type { Catalogue, Subscription } from "./subscription.ts";
import { TopicView } from "./topic-view.ts";

/** A look at subscribers, and a heartbeat where something has moved. */
const TICK_MS = 1_000;

interface OpenFeed {
  readonly opening: Promise<Feed | string>;
  feed: Feed | null;
  users: number;
  lookedAtMs: number;
  cancelLinger: () => void;
}

export class LiveHub {
  readonly #parts: LiveHubParts;
  readonly #subscribers = new Set<Subscriber>();
  readonly #shards: Shards<Subscriber>;
  readonly #census = new Census();
  readonly #feeds = new Map<string, OpenFeed>();
  readonly #allowance: Allowance;
  readonly catchUps: CatchUps;
  readonly heartbeats: Heartbeats;
  /** Set by the door: to everybody who has joined the channel. */
  publish: (channel: string, frame: LiveFrame) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #named = 0;
  #isDraining = false;
  #isLooking = false;
  #isBeating = false;
  /** Shards that are still to be looked at. */
  #unseen = 0;
  /** Who was parked and reads again. */
  readonly returning: Returning<Subscriber>;

  constructor(parts: LiveHubParts) {
    this.#parts = parts;
    const { cpuShare: share, clock, soon, utilization, decoder, observer } = parts;
    this.#allowance = new Allowance({ share, clock, soon, utilization });
    this.#shards = new Shards(parts.shardSubscribers ?? LIVE_SHARD_SUBSCRIBERS);
    this.heartbeats = new Heartbeats(clock);
    this.returning = new Returning(this.#allowance, clock);
    this.catchUps = new CatchUps({
      open: parts.openSource,
      decoder,
      allowance: this.#allowance,
      clock,
      onDeliveries: (count) => observer.delivered(count),
      recordsMax: parts.catchUpRecordsMax ?? LIVE_CATCH_UP_RECORDS_MAX,
    });
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get admission(): Admission {
    return this.#parts.admission;
  }

  /** Kafka finds offsets by time. */
  get canSeekByTime(): boolean {
    return this.#parts.canSeekByTime;
  }

  get catalogue(): Catalogue {
    return this.#parts.catalogue;
  }

  get observer(): LiveObserver {
    return this.#parts.observer;
  }

  get stats() {
    return {
      subscribers: this.#subscribers.size,
      feeds: this.#feeds.size,
      catchUps: this.catchUps.running,
      behind: this.catchUps.waiting,
      busyMs: this.#allowance.busyMs,
    };
  }

  /** What may wait for one subscriber: an even share of all there is. */
  get bufferBytes(): number {
    const share = LIVE_BUFFERS_BYTES_MAX / Math.max(1, this.#subscribers.size);
    return Math.floor(Math.min(LIVE_BUFFER_BYTES_MAX, Math.max(LIVE_BUFFER_BYTES_MIN, share)));
  }

  /** Why nobody may come now; null: he may. */
  get closedBecause(): LiveRefusal | null {
    if (this.#isDraining) return "draining";
    if (this.#parts.subscribersMax === 0) return "off";
    return this.#subscribers.size >= this.#parts.subscribersMax ? "full" : null;
  }

  /** The sentence of a refusal, which counts. */
  refuse(reason: LiveRefusal): string {
    this.observer.refused(reason);
    return REFUSALS[reason];
  }

  sentenceOf(reason: LiveRefusal): string {
    return REFUSALS[reason];
  }

  nextName(): string {
    this.#named += 1;
    return `${this.#parts.processId}-l${this.#named}`;
  }

  /** A connection was opened. One too many, or one that comes during the drain, is sent away. */
  connect(socket: LiveSocket, peer: LivePeer): Subscriber {
    const subscriber = new Subscriber(this, socket, peer);
    const refusal = this.closedBecause;
    if (refusal === null) {
      this.#subscribers.add(subscriber);
      subscriber.shard = this.#shards.enter(subscriber);
    } else {
      subscriber.fail(refusal === "draining" ? "restart" : "overloaded", this.refuse(refusal));
    }
    return subscriber;
  }

  /** Subscriber: it is known whose he is; a sentence if that one has too many. */
  entered(subscriber: Subscriber, principal: Principal): string | null {
    if (!this.#census.enter(subscriber, principal)) return this.refuse("source_full");
    this.observer.subscribed(subscriber.subscription?.start.kind ?? "now");
    return null;
  }

  left(subscriber: Subscriber): void {
    this.#census.leave(subscriber);
    this.#subscribers.delete(subscriber);
    this.returning.delete(subscriber);
    this.#shards.leave(subscriber, subscriber.shard);
  }

  /** Views of all topics of a subscription; a sentence if one of them cannot be read. */
  async open(
    viewer: Subscriber,
    subscription: Subscription,
  ): Promise<readonly TopicView[] | string> {
    const topics = [...subscription.topics];
    const feeds = await Promise.all(topics.map(([topic]) => this.acquire(topic)));
    const failure = feeds.find((feed) => typeof feed === "string");
    if (failure !== undefined) {
      for (const feed of feeds) if (typeof feed !== "string") this.release(feed);
      return failure;
    }
    return topics.flatMap(([, types], index) => {
      const feed = feeds[index];
      if (feed === undefined || typeof feed === "string") return [];
      return [new TopicView({ viewer, feed, subscription, types })];
    });
  }

  /** The feed of a topic, which is to be released; a sentence if it cannot be read. */
  async acquire(topic: string): Promise<Feed | string> {
    const known = this.#feeds.get(topic);
    if (known === undefined && this.#feeds.size >= LIVE_FEEDS_MAX) {
      return `this process reads as many topics as it may have (${LIVE_FEEDS_MAX})`;
    }
    const open = known ?? this.#openFeed(topic);
    open.users += 1;
    open.cancelLinger();
    const feed = await open.opening;
    if (typeof feed === "string") open.users -= 1;
    return feed;
  }

  #openFeed(topic: string): OpenFeed {
    const { openSource, observer } = this.#parts;
    const opening = openSource(topic).then(
      (source) => {
        const feed = this.#newFeed(topic, source);
        open.feed = feed;
        void feed.run();
        if (open.users === 0) this.#linger(topic, open);
        return feed;
      },
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        if (this.#feeds.get(topic) === open) this.#feeds.delete(topic);
        observer.failed(topic, reason);
        return reason;
      },
    );
    const lookedAtMs = this.clock.monotonicMs();
    const open: OpenFeed = { opening, feed: null, users: 0, lookedAtMs, cancelLinger: () => {} };
    this.#feeds.set(topic, open);
    return open;
  }

  #newFeed(topic: string, source: LiveSource): Feed {
    const { decoder, clock, latestMs, observer } = this.#parts;
    return new Feed(
      {
        decoder,
        allowance: this.#allowance,
        clock,
        latestMs,
        publish: (channel, frame) => this.publish(channel, frame),
        onRecord: (fate) => observer.record(fate),
        onDeliveries: (count) => observer.delivered(count),
        shards: () => this.#shards.count,
        unlookedBytes: () => this.bufferBytes / 4,
        beforeShard: (feed, shard) => this.#parkTheSlow(feed, shard),
        onGap: (feed, left) => this.#tellGaps(feed, left),
        onFailure: (feed, reason) => this.#feedFailed(feed, reason),
      },
      topic,
      source,
    );
  }

  #parkTheSlow(feed: Feed, shard: number): void {
    for (const subscriber of this.#shards.of(shard)) {
      const isHere = subscriber.views.some((view) => view.feed === feed);
      if (isHere && subscriber.isClogged()) subscriber.park();
    }
  }

  /** A feed leaves something out: one frame for those of a shard who are at the same place. */
  #tellGaps(feed: Feed, { shard, gaps }: { shard: number; gaps: readonly LeftOut[] }): number {
    const members = this.#shards.of(shard);
    for (const { partition, from, to, reason } of gaps) {
      const gap = { topic: feed.topic, partition, from, to, reason };
      const told = this.heartbeats.tellGap({ feed, shard, gap }, this.publish);
      if (told > 0) this.observer.gap(reason, told);
      for (const subscriber of members) subscriber.leaveOut(feed, gap);
    }
    return members.size;
  }

  #feedFailed(feed: Feed, reason: string): void {
    this.observer.failed(feed.topic, reason);
    for (const subscriber of [...this.#subscribers]) {
      if (subscriber.needs(feed)) subscriber.lost(reason);
    }
    const open = this.#feeds.get(feed.topic);
    if (open?.feed === feed) this.#end(feed.topic, open);
  }

  /** A view of the feed has ended. */
  release(feed: Feed): void {
    const open = this.#feeds.get(feed.topic);
    if (open?.feed !== feed) return;
    open.users -= 1;
    if (open.users === 0) this.#linger(feed.topic, open);
  }

  #linger(topic: string, open: OpenFeed): void {
    open.cancelLinger();
    open.cancelLinger = this.clock.after(LIVE_FEED_LINGER_MS, () => {
      if (open.users === 0 && open.feed !== null) this.#end(topic, open);
    });
  }

  #end(topic: string, open: OpenFeed): void {
    open.cancelLinger();
    open.feed?.stop();
    if (this.#feeds.get(topic) === open) this.#feeds.delete(topic);
  }

  /** A look at everybody, and the heartbeats. */
  tick(): void {
    for (const { feed } of this.#feeds.values()) feed?.lookWhetherLate();
    this.#lookForPartitions(this.clock.monotonicMs());
    this.recheck();
    void this.#beat();
  }

  /** A look at everybody, one shard in a turn; also when the table of tenants was replaced. */
  recheck(): void {
    const isLooking = this.#unseen > 0;
    this.#unseen = this.#shards.count;
    if (!isLooking && this.#unseen > 0) this.#parts.soon(() => this.#lookAtNext());
  }

  #lookAtNext(): void {
    const nowMs = this.clock.monotonicMs();
    this.#unseen -= 1;
    for (const subscriber of [...this.#shards.of(this.#unseen)]) {
      if (subscriber.isMute && nowMs - subscriber.openedAtMs > HELLO_TIMEOUT_MS) {
        subscriber.fail("hello_timeout", "no subscribe came in time");
      } else subscriber.tick(nowMs);
    }
    if (this.#unseen > 0) this.#parts.soon(() => this.#lookAtNext());
  }

  async #beat(): Promise<void> {
    if (this.#isBeating) return;
    this.#isBeating = true;
    const due = [...this.heartbeats.due()];
    while (due.length > 0) {
      const slice = await this.#allowance.turn("present");
      let writes = 0;
      for (; due.length > 0 && writes * LIVE_WRITE_BYTES * 2 < LIVE_TURN_BYTES; due.shift()) {
        writes += this.heartbeats.beat(due[0] ?? "", this.publish);
      }
      slice.end(writes);
    }
    this.#isBeating = false;
  }

  /** One question at a time: it may hold a thread that flushes of producers need. */
  #lookForPartitions(nowMs: number): void {
    if (this.#isLooking) return;
    const open = [...this.#feeds.values()].filter(({ feed }) => feed !== null);
    const next = open.toSorted((left, right) => left.lookedAtMs - right.lookedAtMs)[0];
    if (next === undefined || nowMs - next.lookedAtMs < LIVE_PARTITIONS_LOOK_MS) return;
    next.lookedAtMs = nowMs;
    this.#isLooking = true;
    void next.feed?.lookForPartitions().finally(() => {
      this.#isLooking = false;
    });
  }

  /** Tells everybody to come back elsewhere, and when; then ends the feeds. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    clearInterval(this.#timer);
    const { random, goAwaySpreadMs } = this.#parts;
    for (const subscriber of [...this.#subscribers]) {
      subscriber.goAway(Math.round(random() * goAwaySpreadMs));
    }
    for (const [topic, open] of this.#feeds) this.#end(topic, open);
    // What was said last is written at the end of the turn.
    await delay(0);
  }
}
