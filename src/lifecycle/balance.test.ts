import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";
import { surplusConnections } from "./balance.ts";

const of = (...counts: readonly number[]) => new Map(counts.map((count, id) => [id + 1, count]));

describe("surplusConnections", () => {
  it("asks what a worker has above its share, if that is much", () => {
    assert.deepEqual([...surplusConnections(of(200, 0))], [[1, 100]]);
    assert.deepEqual([...surplusConnections(of(900, 100, 200))], [[1, 500]]);
  });

  it("leaves small differences alone, and few connections, and one worker", () => {
    for (const counts of [of(40, 0), of(1_100, 1_000), of(5_000), of(), of(0, 0)]) {
      assert.deepEqual([...surplusConnections(counts)], []);
    }
  });

  it("comes to rest, however the kernel spreads those who come again", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20_000), { minLength: 1, maxLength: 16 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (counts, random) => {
          const workers = of(...counts);
          let rounds = 0;
          for (;;) {
            const surplus = surplusConnections(workers);
            if (surplus.size === 0) break;
            rounds += 1;
            assert.ok(rounds < 40, "it comes to rest");
            let moving = 0;
            for (const [id, count] of surplus) {
              workers.set(id, (workers.get(id) ?? 0) - count);
              moving += count;
            }
            // Spread as evenly as a hash does: an equal share each, give or take one part in ten.
            const ids = [...workers.keys()];
            for (const [at, id] of ids.entries()) {
              const { value = 0 } = random.next() as { readonly value?: number };
              const share = (moving / (ids.length - at)) * (0.9 + 0.2 * value);
              const part = at === ids.length - 1 ? moving : Math.min(moving, Math.round(share));
              workers.set(id, (workers.get(id) ?? 0) + part);
              moving -= part;
            }
          }
        },
      ),
    );
  });
});
