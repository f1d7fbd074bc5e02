import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";

import { testService } from "../../test/services.ts";
import { systemClock } from "../lib/clock.ts";
import { RedisLeases } from "./redis-leases.ts";

describe("RedisLeases", () => {
  const leases: RedisLeases[] = [];

  async function open(url = testService("redis")): Promise<RedisLeases> {
    const up = Promise.withResolvers<void>();
    const lease = new RedisLeases({
      url,
      processId: randomUUID(),
      clock: systemClock,
      secretOffered: randomUUID(),
      onState: () => up.resolve(),
    });
    leases.push(lease);
    lease.start();
    await up.promise;
    return lease;
  }

  after(() => {
    for (const lease of leases) lease.stop();
  });

  it("sum what the processes needed, and count them", async () => {
    const [first, second] = [await open(), await open()];
    for (;;) {
      const key = randomUUID();
      const told = [
        await first.renew([{ key, taken: 30 }]),
        await second.renew([{ key, taken: 10 }]),
        await first.renew([{ key, taken: 5 }]),
      ];
      // Redis has half a second: on a machine that stands still it takes another try.
      if (told.includes(null)) continue;
      const sums = [
        [{ taken: 30, processes: 1 }],
        [{ taken: 40, processes: 2 }],
        [{ taken: 15, processes: 2 }],
      ];
      assert.deepEqual(told, sums);
      assert.equal(second.processes, 2);
      break;
    }
  });

  it("give a ticket to one process only", async () => {
    const id = randomUUID();
    const [first, second] = [await open(), await open()];
    const claims = await Promise.all([first.claim(id, 10_000), second.claim(id, 10_000)]);
    assert.equal(claims.filter((isFirst) => isFirst).length, 1);
  });

  it("agree on one secret", async () => {
    const [first, second] = [await open(), await open()];
    while (first.secret === null || second.secret === null) await new Promise(setImmediate);
    assert.equal(first.secret, second.secret);
  });

  it("say that nobody answers, and throw for tickets, where Redis is away", async () => {
    const away = await open("redis://127.0.0.1:9");
    assert.equal(await away.renew([{ key: "k", taken: 1 }]), null);
    await assert.rejects(away.claim("id", 1_000));
  });
});
