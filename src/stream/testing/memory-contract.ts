/**
 * What every memory of streams has to do, as tests: random steps, each answered as the rules say.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";

import { claimStored, saveStored, takeStored } from "../memory-rules.ts";
import type { StoredStream } from "../memory-rules.ts";
import type { StreamRecord } from "../store.ts";
import type { StreamMemory } from "../stream-memory.ts";
import { seededRandom } from "../../session/testing/seeded-random.ts";

export interface MemoryContract {
  readonly name: string;
  readonly open: () => Promise<StreamMemory>;
}

const OWNERS = ["one", "two", "three"];

class Steps {
  readonly #random: () => number;
  readonly #memory: StreamMemory;
  readonly #key = `test:web:${randomUUID()}`;
  readonly #epochs: number[] = [];
  #model: StoredStream | null = null;

  constructor(memory: StreamMemory, seed: number) {
    this.#memory = memory;
    this.#random = seededRandom(seed);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #owner(): string {
    return OWNERS[this.#below(OWNERS.length)] ?? "";
  }

  #birth(): string {
    return `birth-${this.#below(1_000_000)}`;
  }

  /** Mostly one that was given out. */
  #epoch(): number {
    const known = this.#epochs[this.#epochs.length - 1 - this.#below(3)];
    return this.#random() < 0.1 ? this.#below(2_000) : (known ?? 1);
  }

  #record(): StreamRecord {
    const done = this.#below(100);
    const sack: [number, number][] = [];
    let above = done + 1;
    for (let range = this.#below(70); range > 0; range -= 1) {
      const from = above + 1 + this.#below(3);
      above = from + this.#below(3);
      sack.push([from, above]);
    }
    const exc = Array.from({ length: this.#below(3) }, (_, index) => {
      const detail = 'ü€😀\n"\\ '.repeat(this.#below(3));
      return { seq: 1 + index, code: "schema_invalid" as const, path: "/a b", detail };
    });
    const doubt = this.#below(4) === 0 ? { doubtBelow: this.#below(200) } : {};
    return { done, sack, exc, ...doubt };
  }

  async step(): Promise<void> {
    const key = this.#key;
    const owner = this.#owner();
    const which = this.#below(4);
    if (which === 0) {
      const hasProof = this.#random() < 0.9;
      const epochMin = 1_000 + this.#below(50);
      const claim = { key, owner, epochMin, hasProof, birth: this.#birth() };
      const { stream, answer } = claimStored(this.#model, claim);
      assert.deepEqual(await this.#memory.claim(claim), answer);
      this.#model = stream;
      if (answer.kind === "claimed") this.#epochs.push(answer.epoch);
    } else if (which === 1) {
      const dead = this.#random() < 0.5 ? [this.#owner()] : [];
      const take = { key, owner, epoch: this.#epoch(), doubtBelow: this.#below(200), dead };
      const { stream, answer } = takeStored(this.#model, take);
      assert.deepEqual(await this.#memory.take(take), answer);
      this.#model = stream;
    } else {
      const record = this.#random() < 0.1 ? null : this.#record();
      const isLast = this.#random() < 0.4;
      const save = { key, owner, epoch: this.#epoch(), record, isLast, birth: this.#birth() };
      const { stream, answer } = saveStored(this.#model, save);
      assert.deepEqual(await this.#memory.save([save]), [answer]);
      this.#model = stream;
    }
  }
}

export function describeMemory(contract: MemoryContract): void {
  describe(`${contract.name} as a memory of streams`, () => {
    test("does as the rules say, over random steps", async () => {
      const memory = await contract.open();
      try {
        for (let seed = 1; seed <= 60; seed += 1) {
          const steps = new Steps(memory, seed);
          for (let step = 0; step < 40; step += 1) {
            try {
              await steps.step();
            } catch (error) {
              throw new Error(`seed ${seed}, step ${step}`, { cause: error });
            }
          }
        }
      } finally {
        await memory.stop();
      }
    });
  });
}
