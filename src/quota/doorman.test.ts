import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { FakeClock } from "../lib/clock.ts";
import { CALLERS_MAX } from "../limits/admission.ts";
import { addressKey, Doorman } from "./doorman.ts";
import type { TurnedAwayBy } from "./doorman.ts";

const LIMITS = { connections: 2, handshakesPerSecond: 5, authFailuresPerMinute: 3 };
const ADDRESS = "203.0.113.7";

function setUp(limits: Partial<typeof LIMITS> = {}) {
  const clock = new FakeClock();
  const away: TurnedAwayBy[] = [];
  const doorman = new Doorman({
    limits: { ...LIMITS, ...limits },
    clockMs: () => clock.monotonicMs(),
    onTurnedAway: (by) => away.push(by),
  });
  return { clock, away, doorman };
}

describe("Doorman", () => {
  it("gives an address so many connections, and another when one has ended", () => {
    const { doorman, away } = setUp();
    for (let open = 0; open < 2; open += 1) {
      assert.equal(doorman.handshake(ADDRESS), null);
      doorman.opened(ADDRESS);
    }
    assert.equal(doorman.handshake(ADDRESS)?.by, "connections");
    assert.equal(doorman.handshake("203.0.113.8"), null, "another address is another client");
    doorman.closed(ADDRESS);
    assert.equal(doorman.handshake(ADDRESS), null);
    assert.deepEqual(away, ["connections"]);
  });

  it("slows down who opens connections too fast, and says how long to wait", () => {
    const { doorman, clock } = setUp();
    for (let count = 0; count < 20; count += 1) assert.equal(doorman.handshake(ADDRESS), null);
    const away = doorman.handshake(ADDRESS);
    assert.deepEqual([away?.by, away?.waitMs], ["handshakes", 200]);
    clock.advance(200);
    assert.equal(doorman.handshake(ADDRESS), null);
  });

  it("turns away requests and handshakes after too many bad credentials, for a while", () => {
    const { doorman, clock } = setUp();
    assert.equal(doorman.request(ADDRESS), null);
    assert.equal(doorman.size, 0, "who only sends is not remembered");
    for (let count = 0; count < 3; count += 1) doorman.authFailed(ADDRESS);
    assert.equal(doorman.request(ADDRESS)?.by, "auth_failures");
    assert.equal(doorman.handshake(ADDRESS)?.by, "auth_failures");
    clock.advance(20_000);
    assert.equal(doorman.request(ADDRESS), null);
  });

  it("takes a network of IPv6 for one client, and does not count this machine", () => {
    const { doorman } = setUp();
    for (let count = 0; count < 3; count += 1) doorman.authFailed(`2001:db8::${count}`);
    assert.equal(doorman.request("2001:db8::ffff")?.by, "auth_failures");
    assert.equal(doorman.request("2001:db8:0:1::ffff"), null);
    for (const own of ["127.0.0.1", "::1", ""]) {
      for (let count = 0; count < 100; count += 1) {
        doorman.authFailed(own);
        assert.equal(doorman.handshake(own), null);
      }
    }
  });

  it("remembers no more addresses than it may, those with connections first of all", () => {
    const { doorman } = setUp({ connections: 1 });
    doorman.opened(ADDRESS);
    for (let count = 0; count < CALLERS_MAX + 10; count += 1) {
      doorman.handshake(`10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`);
    }
    assert.equal(doorman.size, CALLERS_MAX);
    assert.equal(doorman.handshake(ADDRESS)?.by, "connections");
  });
});

describe("addressKey", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1:2", "0:0:0:0::/64"],
    ["fe80::", "fe80:0:0:0::/64"],
  ];
  for (const [address, key] of cases) {
    it(`${address} → ${key}`, () => assert.equal(addressKey(address), key));
  }
});
