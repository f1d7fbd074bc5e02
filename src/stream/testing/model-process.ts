/**
 * A gateway process in a world in virtual time: a hub of its own over a Kafka that all share, whose
 * commits are reordered, slow, lost on the way back, or late. It can die.
 */
import assert from "node:assert/strict";
import { VERDICT } from "../../records.ts";
import { STREAM_INFLIGHT_BYTES_MAX, STREAM_INFLIGHT_EVENTS_MAX } from "../../limits/streams.ts";
import type { Batch } from "../../pipeline/batch.ts";
import type { OpenFrame } from "../../pipeline/open-frame.ts";
import type { StreamConnection } from "../connection.ts";
import type { StreamHub } from "../hub.ts";
import type { StreamSocket } from "../socket.ts";
import type { StreamHolder } from "../store.ts";
import { FakePipeline, eventsOf, isFlagged } from "./fake-pipeline.ts";
import type { ModelEvent } from "./model-client.ts";
import type { ModelStore } from "./model-store.ts";
import { makeHub, openSocket } from "./setup.ts";
import type { Conditions } from "./setup.ts";
import type { World } from "./world.ts";

export interface ModelRecord {
  readonly stream: string;
  readonly seq: number;
  readonly epoch: number;
  readonly isFlagged: boolean;
}

const LANES = 3;
const TURN_MS = 20;

export class ModelProcess {
  readonly hub: StreamHub;
  readonly conditions: Conditions;
  readonly #world: World;
  /** Records by event id. */
  readonly #kafka: Map<string, ModelRecord[]>;
  readonly #inFlight = new Map<string, { events: number; bytes: number }>();
  readonly #connections = new Set<StreamConnection>();
  /** The frames that share a batch. */
  readonly #joined = new Map<Batch, OpenFrame[]>();
  isDead = false;
  /** Nothing goes wrong any more. */
  isHealed = false;

  constructor(
    world: World,
    parts: { readonly store: ModelStore; readonly kafka: Map<string, ModelRecord[]> },
  ) {
    this.#world = world;
    this.#kafka = parts.kafka;
    this.conditions = {
      get atMs() {
        return world.nowMs;
      },
      pressure: null,
      hard: false,
      kafkaAway: false,
    };
    const pipeline = new FakePipeline();
    pipeline.onRun = (frame) => this.#run(frame);
    pipeline.joins = (frame) => !modelEvents(frame).some(({ isBad }) => isBad);
    pipeline.onJoin = (frame, joined) => this.#join(frame, joined);
    this.hub = makeHub(
      { store: parts.store },
      {
        conditions: this.conditions,
        pipeline: pipeline.asPipeline,
        after: (delayMs, action) => world.after(delayMs, action),
        // Longer than a turn takes: more happens in it.
        endOfTurn: (action) => world.after(TURN_MS, action),
        observer: {
          refused: () => {},
          welcomed: () => {},
          answered: () => {},
          told: () => {},
          paused: () => {},
          failed: (error) => {
            throw error;
          },
        },
      },
    );
    this.#tick();
  }

  #tick(): void {
    if (this.isDead) return;
    this.hub.tick();
    this.#world.after(500, () => this.#tick());
  }

  /** Everything it has in memory is gone; records that are under way may still arrive. */
  die(store: ModelStore): void {
    this.isDead = true;
    store.kill((holder) => (this.#connections as ReadonlySet<StreamHolder>).has(holder));
  }

  open(socket: StreamSocket): StreamConnection {
    const connection = openSocket(this.hub, socket);
    this.#connections.add(connection);
    return connection;
  }

  askAllToLeave(): void {
    for (const connection of this.#connections) {
      connection.goAway("rebalance", this.#world.between(0, 1_000));
    }
  }

  #run(frame: OpenFrame): void {
    const { batch } = frame;
    const world = this.#world;
    const events = modelEvents(frame);
    this.#count(frame, 1);
    const lanes: number[][] = Array.from({ length: LANES }, () => []);
    for (const [row, event] of events.entries()) {
      if (batch.verdicts[row] !== VERDICT.open) continue;
      if (event.isBad) {
        const fault = { code: "schema_invalid", detail: "bad" } as const;
        batch.rejections.set(row, { id: event.id, fault, deadLettered: false });
        batch.decide(row, VERDICT.rejected, "schema_invalid");
      } else if (!this.isHealed && world.chance(0.01)) batch.recordFailed(row, "overloaded");
      else lanes[world.between(0, LANES - 1)]?.push(row);
    }
    this.#joined.set(batch, [frame]);
    for (const rows of lanes)
      if (rows.length > 0) this.#commit(frame, { batch, firstRow: 0, rows });
    this.#settleWhenDone(batch);
  }

  #join(frame: OpenFrame, { batch, firstRow }: { batch: Batch; firstRow: number }): void {
    this.#count(frame, 1);
    this.#joined.get(batch)?.push(frame);
    const rows = Array.from({ length: frame.count }, (_, row) => row);
    const split = this.#world.between(0, rows.length);
    for (const part of [rows.slice(0, split), rows.slice(split)]) {
      if (part.length > 0) this.#commit(frame, { batch, firstRow, rows: part });
    }
  }

  /** Sends rows of a frame on their way; the batch has them from `firstRow` on. */
  #commit(
    frame: OpenFrame,
    { batch, firstRow, rows }: { batch: Batch; firstRow: number; rows: readonly number[] },
  ): void {
    const world = this.#world;
    const isSlow = !this.isHealed && world.chance(0.03);
    const tookMs = isSlow ? world.between(2_000, 8_000) : world.between(1, 60);
    const isUnknown = !this.isHealed && world.chance(0.05);
    const events = modelEvents(frame);
    const write = () => {
      for (const row of rows) this.#write(frame, { row, id: events[row]?.id ?? "" });
    };
    world.after(tookMs, () => {
      if (this.isDead) {
        if (world.chance(0.5)) write();
        return;
      }
      if (isUnknown) {
        // The outcome is not known: the records may be there, or come, or never come.
        const fate = world.between(0, 3);
        if (fate <= 1) write();
        else if (fate === 2) world.after(world.between(1, 5_000), write);
        for (const row of rows) batch.recordFailed(firstRow + row, "kafka_timeout");
      } else {
        write();
        for (const row of rows) batch.recordStored(firstRow + row);
      }
      batch.commitSettled();
      this.#settleWhenDone(batch);
    });
  }

  #write(frame: OpenFrame, { row, id }: { readonly row: number; readonly id: string }): void {
    const { stream } = frame.context;
    assert.ok(stream !== undefined, "events of streams carry it");
    const record = {
      stream: Buffer.from(stream.id).toString("hex"),
      seq: frame.seq + row,
      epoch: stream.epoch,
      isFlagged: isFlagged(frame, row),
    };
    const records = this.#kafka.get(id);
    if (records === undefined) this.#kafka.set(id, [record]);
    else records.push(record);
  }

  /** What a connection has in flight stays within its credit. */
  #count(frame: OpenFrame, sign: 1 | -1): void {
    const { stream } = frame.context;
    const name = `${Buffer.from(stream?.id ?? []).toString("hex")}-${stream?.epoch}`;
    const inFlight = this.#inFlight.get(name) ?? { events: 0, bytes: 0 };
    this.#inFlight.set(name, inFlight);
    inFlight.events += sign * frame.count;
    inFlight.bytes += sign * frame.bytes;
    assert.ok(inFlight.events <= STREAM_INFLIGHT_EVENTS_MAX, "events in flight have a bound");
    assert.ok(inFlight.bytes <= STREAM_INFLIGHT_BYTES_MAX, "bytes in flight have a bound");
  }

  #settleWhenDone(batch: Batch): void {
    if (!batch.settled) return;
    for (const frame of this.#joined.get(batch) ?? []) this.#count(frame, -1);
    this.#joined.delete(batch);
  }
}

function modelEvents(frame: OpenFrame): readonly ModelEvent[] {
  // Whatever model clients send are model events.
  return eventsOf(frame) as readonly ModelEvent[];
}
