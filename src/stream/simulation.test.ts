/**
 * Streams in virtual time: two processes over one memory and one Kafka, clients that keep to the
 * protocol, and a seed that decides what goes wrong: frames delayed, sockets cut and half open,
 * commits reordered, slow, lost, late, processes killed, the memory slow, away, or empty. Whatever
 * happens, afterwards every event has had exactly one outcome, and a true one.
 *
 * A failure names its seed: SLUICE_TEST_SEED=n runs that one alone.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ModelClient } from "./testing/model-client.ts";
import { ModelProcess } from "./testing/model-process.ts";
import type { ModelRecord } from "./testing/model-process.ts";
import { ModelStore } from "./testing/model-store.ts";
import { World } from "./testing/world.ts";

const RUNS = 1_000;
const CLIENTS = 1;
const TROUBLE_MS = 8_000;
const HEALING_MS = 180_000;

interface Counts {
  events: number;
  copies: number;
  flagged: number;
}

class Simulation {
  readonly #world: World;
  readonly #store: ModelStore;
  readonly #kafka = new Map<string, ModelRecord[]>();
  readonly #processes: ModelProcess[] = [];
  readonly #clients: ModelClient[];
  #isHealed = false;

  constructor(seed: number) {
    this.#world = new World(seed);
    const world = this.#world;
    this.#store = new ModelStore(world);
    this.#store.claimMs = () =>
      this.#isHealed || world.chance(0.8) ? world.between(0, 3) : world.between(1, 2_500);
    for (let index = 0; index < 2; index += 1) this.#processes.push(this.#process());
    this.#clients = Array.from(
      { length: CLIENTS },
      (_, name) =>
        new ModelClient({
          world,
          name,
          pick: () => this.#anyProcess(),
          isStored: (id) => this.#kafka.has(id),
        }),
    );
  }

  #process(): ModelProcess {
    return new ModelProcess(this.#world, { store: this.#store, kafka: this.#kafka });
  }

  #anyProcess(): ModelProcess {
    const process = this.#processes[this.#world.between(0, this.#processes.length - 1)];
    assert.ok(process !== undefined);
    return process;
  }

  async run(counts: Counts): Promise<void> {
    const world = this.#world;
    const startMs = world.nowMs;
    for (const client of this.#clients) {
      world.after(world.between(0, 100), () => client.connect());
      this.#keepBusy(client, startMs + TROUBLE_MS);
    }
    this.#trouble(startMs + TROUBLE_MS);
    world.at(startMs + TROUBLE_MS, () => this.#heal());
    const isOver = () => this.#isHealed && this.#clients.every(({ isDone }) => isDone);
    const isEnded = await world.run(isOver, startMs + TROUBLE_MS + HEALING_MS);
    assert.ok(isEnded, "after the trouble every event gets its outcome");
    this.#judge(counts);
    for (const process of this.#processes) process.isDead = true;
  }

  #keepBusy(client: ModelClient, untilMs: number): void {
    const world = this.#world;
    world.after(world.between(1, 800), () => {
      if (world.nowMs >= untilMs) return;
      client.make(world.between(1, world.chance(0.05) ? 200 : 12));
      this.#keepBusy(client, untilMs);
    });
  }

  #trouble(untilMs: number): void {
    const world = this.#world;
    world.after(world.between(50, 1_500), () => {
      if (world.nowMs >= untilMs) return;
      this.#goWrong();
      this.#trouble(untilMs);
    });
  }

  #goWrong(): void {
    const world = this.#world;
    const { conditions } = this.#anyProcess();
    const kind = world.between(0, 9);
    if (kind <= 4) this.#clients[world.between(0, CLIENTS - 1)]?.cut();
    else if (kind === 5) this.#store.isAway = !this.#store.isAway;
    else if (kind === 6) this.#store.forget();
    else if (kind === 7) {
      conditions.pressure = "kafka";
      world.after(world.between(100, 5_000), () => (conditions.pressure = null));
    } else if (kind === 8) this.#kill(world.between(0, 1));
    else this.#anyProcess().askAllToLeave();
  }

  #kill(index: number): void {
    this.#processes[index]?.die(this.#store);
    this.#processes[index] = this.#process();
    for (const client of this.#clients) client.lookForDeadServer();
  }

  #heal(): void {
    this.#isHealed = true;
    this.#store.isAway = false;
    for (const process of this.#processes) {
      process.isHealed = true;
      process.conditions.pressure = null;
    }
    for (const client of this.#clients) client.isHealed = true;
  }

  #judge(counts: Counts): void {
    for (const client of this.#clients) {
      assert.equal(client.outcomes.size, client.made, "every event has an outcome");
      counts.events += client.made;
      for (const [id, outcome] of client.outcomes) {
        const records = this.#kafka.get(id) ?? [];
        assert.equal(records.length > 0, outcome === "stored", `${id}: ${outcome}`);
        const unflagged = records.filter(({ isFlagged }) => !isFlagged);
        assert.ok(
          unflagged.length <= 1,
          `${id} is double without a flag: ${JSON.stringify(records)}`,
        );
        counts.copies += Math.max(0, records.length - 1);
        counts.flagged += records.length - unflagged.length;
      }
    }
  }
}

const seedGiven = process.env["SLUICE_TEST_SEED"];

test("simulation: exactly one true outcome for every event, whatever goes wrong", async (t) => {
  const first = seedGiven === undefined ? Date.now() % 1_000_000_000 : Number(seedGiven);
  const runs = seedGiven === undefined ? RUNS : 1;
  t.diagnostic(`seeds ${first} to ${first + runs - 1}`);
  const counts: Counts = { events: 0, copies: 0, flagged: 0 };
  for (let seed = first; seed < first + runs; seed += 1) {
    try {
      await new Simulation(seed).run(counts);
    } catch (error) {
      throw new Error(`SLUICE_TEST_SEED=${seed}: ${String(error)}`, { cause: error });
    }
  }
  t.diagnostic(JSON.stringify(counts));
  if (runs > 100) assert.ok(counts.copies > 0, "the trouble is worth the name");
});
