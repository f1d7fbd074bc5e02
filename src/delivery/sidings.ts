/**
 * Which lane a partition's records take. Normally lane = (partition + topic) mod lanes. When a few
 * partitions hold a lane's commit open, that lane becomes their **siding**: it keeps its producer
 * and what is out, and only those partitions; a spare lane takes its place for all the others. So
 * nobody waits for longer than it takes to notice, and no key's records are ever in two producers:
 * a partition changes lanes only when nothing of it is out. A siding whose commits are quick again
 * gives its partitions back and becomes a spare.
 *
 * One spare is connected from the start, and the next one when it is taken; there are at most as
 * many as lanes. Only one that is connected is taken: a lane that hangs when there is none goes on
 * hanging, and is asked again when there is. It knows no records: moving them is asked of the
 * intake.
 */
import assert from "node:assert/strict";

import type { DeliveryClock } from "./clock.ts";
import type { DeliveryEvent } from "./delivery.ts";
import type { Destination } from "./destinations.ts";
import type { Lane } from "./lane.ts";
import { partitionKey, partitionOfKey, topicOfKey } from "./progress.ts";

/**
 * Spares there are before one is wanted: connecting takes longer than noticing. Each costs some
 * 5 MB and a connection to each broker.
 */
const SPARES_WARM = 1;

/** A siding without a held-up commit for so long is sound again. */
const CALM_MS = 5_000;

export interface SidingsOptions {
  readonly lanes: number;
  readonly clock: DeliveryClock;
  readonly onEvent: (event: DeliveryEvent) => void;
  readonly newLane: (number: number) => Lane;
  /** Gives a lane that is to be used its producer. */
  readonly open: (lane: Lane) => void;
  /** All destinations there are. */
  readonly destinations: () => readonly Destination[];
  /** What waits in this lane and is for partitions of others goes there. */
  readonly sendOn: (lane: Lane) => void;
}

export class Sidings {
  readonly #options: SidingsOptions;
  /** Lanes in use, by slot. */
  readonly #slots: Lane[];
  /** All lanes there are, spares and sidings included. */
  readonly #all: Lane[];
  readonly #spares: Lane[];
  readonly #sidings: Set<Lane> = new Set();
  /** Lanes that hang and found no spare that is connected. */
  readonly #wanting: Set<Lane> = new Set();

  constructor(options: SidingsOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.lanes }, (_, number) => options.newLane(number));
    const spares = Array.from({ length: SPARES_WARM }, (_, i) =>
      options.newLane(options.lanes + i),
    );
    this.#spares = spares;
    this.#all = [...this.#slots, ...spares];
  }

  /** Every lane, in use or not; grows. */
  get all(): readonly Lane[] {
    return this.#all;
  }

  /** The lanes that serve all partitions but the stalled ones. */
  get main(): readonly Lane[] {
    return this.#slots;
  }

  get sidings(): ReadonlySet<Lane> {
    return this.#sidings;
  }

  /** Spread by topic too, so that topics of one partition do not meet in one lane. */
  laneOf(destination: Destination, partition: number): Lane {
    const { detours } = destination;
    if (detours !== null) {
      const detour = detours.get(partition);
      if (detour !== undefined) return detour;
    }
    const lane = this.#slots[(partition + destination.number) % this.#slots.length];
    assert(lane !== undefined, "there is a lane for every remainder");
    return lane;
  }

  /** These partitions, by `partitionKey`, hold the lane's commit open; its others are done. */
  heldUp(lane: Lane, open: ReadonlySet<number>): void {
    if (this.#sidings.has(lane)) {
      this.#giveBack(lane, open);
    } else if (!this.#takeOut(lane)) return;
    this.#divert(lane, open);
    this.#options.sendOn(lane);
  }

  /** Nothing of this lane is out. */
  idle(lane: Lane): void {
    this.#wanting.delete(lane);
    if (!this.#sidings.has(lane)) return;
    const isCalm = this.#options.clock.monotonicMs() - lane.heldUpAtMs >= CALM_MS;
    // One that may hang again is better used than one that does hang.
    if (!isCalm && this.#wanting.size === 0) return;
    this.#giveBack(lane, new Set());
    this.#sidings.delete(lane);
    this.#options.sendOn(lane);
    this.#spares.push(lane);
    this.#options.onEvent({ kind: "siding_closed", lane: lane.number });
    // Its own producer may have been what stalled.
    if (lane.isDoubtful) lane.renew();
    this.#serveWanting();
  }

  /** Spares may be connected by now. Sidings nobody uses become idle without a commit. */
  tick(): void {
    this.#serveWanting();
    for (const lane of [...this.#sidings]) if (lane.outSinceMs === null) this.idle(lane);
  }

  /** As many lanes as there are spares that are connected may ask again. */
  #serveWanting(): void {
    let spares = this.#spares.filter(({ isReady }) => isReady).length;
    for (const lane of this.#wanting) {
      if (spares === 0) return;
      spares -= 1;
      this.#wanting.delete(lane);
      lane.lookAgain();
    }
  }

  /** Puts a spare lane in the place of this one; false if none is connected. */
  #takeOut(lane: Lane): boolean {
    const slot = this.#slots.indexOf(lane);
    assert(slot >= 0, "a lane with records is in use or a siding");
    const spare =
      this.#spares.find(({ isReady, isDoubtful }) => isReady && !isDoubtful) ??
      this.#spares.find(({ isReady }) => isReady);
    if (spare === undefined) {
      this.#wanting.add(lane);
      this.#openSpares();
      return false;
    }
    this.#wanting.delete(lane);
    this.#spares.splice(this.#spares.indexOf(spare), 1);
    this.#openSpares();
    this.#slots[slot] = spare;
    this.#sidings.add(lane);
    return true;
  }

  /** One for each lane that wants one, and those that are kept. */
  #openSpares(): void {
    while (
      this.#spares.length < this.#wanting.size + SPARES_WARM &&
      this.#all.length < 2 * this.#slots.length
    ) {
      const lane = this.#options.newLane(this.#all.length);
      this.#all.push(lane);
      this.#spares.push(lane);
      this.#options.open(lane);
    }
  }

  #divert(lane: Lane, open: ReadonlySet<number>): void {
    const partitions: string[] = [];
    for (const key of open) {
      const destination = this.#options.destinations()[topicOfKey(key)];
      assert(destination !== undefined, "records out have a destination");
      const partition = partitionOfKey(key);
      destination.detours ??= new Map();
      if (destination.detours.get(partition) === lane) continue;
      destination.detours.set(partition, lane);
      partitions.push(`${destination.name}/${partition}`);
    }
    if (partitions.length === 0) return;
    this.#options.onEvent({ kind: "siding_opened", lane: lane.number, partitions });
  }

  /** Partitions of a siding that hold nothing up go home. */
  #giveBack(lane: Lane, open: ReadonlySet<number>): void {
    for (const destination of this.#options.destinations()) {
      if (destination.detours === null) continue;
      for (const [partition, detour] of destination.detours) {
        const isOpen = open.has(partitionKey(destination.number, partition));
        if (detour === lane && !isOpen) destination.detours.delete(partition);
      }
      if (destination.detours.size === 0) destination.detours = null;
    }
  }
}
