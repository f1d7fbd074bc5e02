import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { plainAddress, TrustedProxies } from "./client-address.ts";

const trusted = new TrustedProxies(["10.0.0.0/8", "127.0.0.1", "fd00::/8"]);

function client(remote: string, forwardedFor = "", proxied = "") {
  return trusted.clientOf({ remote, proxied, forwardedFor });
}

describe("TrustedProxies", () => {
  it("input 41: believes nothing of who is not trusted", () => {
    for (const forwardedFor of ["1.2.3.4", "127.0.0.1", "10.0.0.1, 1.2.3.4"]) {
      assert.deepEqual(client("203.0.113.7", forwardedFor, "9.9.9.9"), {
        address: "203.0.113.7",
        isTrusted: false,
      });
    }
    const none = new TrustedProxies([]);
    const spoofed = { remote: "127.0.0.1", proxied: "", forwardedFor: "1.2.3.4" };
    assert.equal(none.clientOf(spoofed).address, "127.0.0.1");
  });

  it("walks back through trusted hops and stops at the first other one", () => {
    assert.equal(client("10.1.1.1", "203.0.113.7").address, "203.0.113.7");
    assert.equal(client("10.1.1.1", "6.6.6.6, 203.0.113.7, 10.2.2.2").address, "203.0.113.7");
    assert.equal(client("10.1.1.1", "10.3.3.3, 10.2.2.2").address, "10.3.3.3");
    assert.equal(client("fd12::1", "2001:db8::5").address, "2001:db8::5");
  });

  it("input 41: stops at what is no address, and believes no endless list", () => {
    assert.equal(client("10.1.1.1", "203.0.113.7, unknown").address, "10.1.1.1");
    assert.equal(client("10.1.1.1", "<script>").address, "10.1.1.1");
    const long = Array.from({ length: 500 }, () => "10.2.2.2").join(",");
    assert.equal(client("10.1.1.1", `1.2.3.4,${long}`).address, "10.1.1.1");
  });

  it("takes the PROXY protocol of trusted connections only", () => {
    assert.equal(client("127.0.0.1", "", "203.0.113.7").address, "203.0.113.7");
    assert.equal(client("198.51.100.1", "", "203.0.113.7").address, "198.51.100.1");
  });

  it("refuses entries that are no addresses", () => {
    for (const entry of ["example.com", "10.0.0.0/33", "::/129", "1.2.3.4/x", ""]) {
      assert.throws(() => new TrustedProxies([entry]), /neither an address|no prefix/, entry);
    }
  });
});

describe("plainAddress", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["203.0.113.7:5151", "203.0.113.7"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["0000:0000:0000:0000:0000:ffff:203.0.113.7", "203.0.113.7"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    [" 10.0.0.1 ", "10.0.0.1"],
  ];
  for (const [written, plain] of cases) {
    it(`${written} → ${plain}`, () => assert.equal(plainAddress(written), plain));
  }
});
