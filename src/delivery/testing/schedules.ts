/**
 * Random schedules in virtual time: seeds, and the faults that are Kafka's and the producers' own.
 * What is submitted, and what has to hold, is the tests' business.
 */
import type { FakeHarness } from "./fake-harness.ts";

export type Random = () => number;
export type Fault = (harness: FakeHarness, random: Random) => void;

export function oneOf<T>(all: readonly T[], random: Random): T | undefined {
  return all[Math.floor(random() * all.length)];
}

/** Faults that `healKafka` ends; a producer that broke is replaced. */
export const KAFKA_FAULTS: readonly Fault[] = [
  ({ kafka }) => {
    kafka.isSilent = !kafka.isSilent;
  },
  ({ kafka }) => {
    kafka.isGone = !kafka.isGone;
  },
  ({ kafka }, random) => {
    oneOf(kafka.live, random)?.breakFatally();
  },
  ({ kafka }, random) => {
    kafka.queueMax = random() < 0.3 ? 0 : Math.floor(random() * 50);
  },
  ({ kafka }, random) => {
    kafka.stalled.add(`${oneOf(["a", "b"], random) ?? "a"}/${Math.floor(random() * 4)}`);
  },
  ({ kafka }, random) => {
    kafka.latencyMs = Math.floor(random() * 300);
  },
  ({ kafka }, random) => {
    kafka.messageTimeoutMs = random() < 0.25 ? Number.POSITIVE_INFINITY : 15_000;
  },
];

export function healKafka({ kafka }: FakeHarness): void {
  kafka.isSilent = false;
  kafka.isGone = false;
  kafka.isFull = false;
  kafka.queueMax = Number.POSITIVE_INFINITY;
  kafka.judge = () => 0;
  kafka.stalled.clear();
  kafka.latencyMs = 2;
  kafka.messageTimeoutMs = 15_000;
}

/**
 * The seeds to try. SLUICE_TEST_SEED replays one, SLUICE_TEST_SEEDS says how many.
 * @throws {Error} what a seed came to, with how it is replayed
 */
export class Seeds {
  readonly count: number;
  readonly first: number = Number(process.env["SLUICE_TEST_SEED"] ?? 1);

  constructor(usual: number) {
    this.count = Number(process.env["SLUICE_TEST_SEEDS"] ?? usual);
  }

  get title(): string {
    return `${this.count} random schedules from seed ${this.first}`;
  }

  async each(run: (seed: number) => Promise<void>): Promise<void> {
    for (let seed = this.first; seed < this.first + this.count; seed += 1) {
      try {
        await run(seed);
      } catch (error) {
        throw new Error(`seed ${seed} (SLUICE_TEST_SEED=${seed} SLUICE_TEST_SEEDS=1)`, {
          cause: error,
        });
      }
    }
  }
}
