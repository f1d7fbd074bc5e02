/**
 * Fuzzing for minutes: random schemas and damaged events, in rounds that take their seeds from one.
 * SLUICE_TEST_FUZZ_MINUTES says how long (10), SLUICE_TEST_SEED where to begin; a failure names the
 * seed of its round, with which SLUICE_TEST_SEED comes to it at once.
 */
import { it } from "node:test";

import { Differential } from "./testing/differential.ts";
import { CORPORA } from "./testing/events.ts";
import { seededRandom } from "./testing/random-schema.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const MINUTES = Number(process.env["SLUICE_TEST_FUZZ_MINUTES"] ?? 10);
const SCHEMAS_PER_ROUND = 20;
const LINES_PER_ROUND = 20;

it(`${MINUTES} minutes of random schemas and damaged events (seed ${SEED})`, async (test) => {
  const differential = await Differential.create();
  const endMs = performance.now() + MINUTES * 60_000;
  let rounds = 0;
  for (; performance.now() < endMs; rounds += 1) {
    const seed = SEED + rounds;
    const random = seededRandom(seed);
    try {
      for (let count = 0; count < SCHEMAS_PER_ROUND; count += 1) {
        differential.checkSchema(random(2 ** 31));
        differential.checkPrivateSchema(random(2 ** 31));
      }
      for (const name of CORPORA) {
        differential.checkCorpus(name, { random, rounds: LINES_PER_ROUND });
      }
    } catch (error) {
      throw new Error(`SLUICE_TEST_SEED=${seed} fails in its first round`, { cause: error });
    }
  }
  const texts = rounds * (SCHEMAS_PER_ROUND * 80 + CORPORA.length * LINES_PER_ROUND);
  test.diagnostic(`${rounds} rounds, about ${texts} texts on two builds`);
});
