import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RangeSet } from "./ranges.ts";

test("RangeSet: behaves as a set of numbers, its ranges disjoint and ascending", () => {
  const seed = Date.now() % 1_000_000;
  const step = fc.record({ add: fc.boolean(), number: fc.nat(60), length: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ranges = new RangeSet();
      const model = new Set<number>();
      for (const { add, number, length } of steps) {
        const run = Array.from({ length: length + 1 }, (_, index) => number + index);
        if (length > 0 && run.every((each) => model.has(each) !== add)) {
          if (add) ranges.insert(number, number + length);
          else ranges.cut(number, number + length);
          for (const each of run) {
            if (add) model.add(each);
            else model.delete(each);
          }
        } else if (add && !model.has(number)) {
          ranges.add(number);
          model.add(number);
        } else if (!add) {
          ranges.delete(number);
          model.delete(number);
        }
        assert.equal(ranges.size, model.size);
        let above = -2;
        for (const [from, to] of ranges.ranges()) {
          assert.ok(from > above + 1 && to >= from, "disjoint, ascending, not adjacent");
          above = to;
        }
      }
      for (let number = 0; number <= 65; number += 1) {
        assert.equal(ranges.has(number), model.has(number));
      }
    }),
    { seed, numRuns: 300 },
  );
});

test("RangeSet.takeFrom: takes the first range only if it begins there", () => {
  const ranges = new RangeSet();
  ranges.append(3, 5);
  ranges.append(9, 9);
  assert.equal(ranges.takeFrom(2), 1);
  assert.equal(ranges.takeFrom(3), 5);
  assert.deepEqual(ranges.ranges(), [[9, 9]]);
});
