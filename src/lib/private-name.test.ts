import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOwnName } from "./private-name.ts";

describe("isOwnName", () => {
  it("takes addresses, names of this machine or network, and the one that was set", () => {
    for (const host of [
      "127.0.0.1:9464",
      "[::1]:9464",
      "10.1.2.3",
      "localhost:9464",
      "gateway:9464",
      "sluice.monitoring.svc.cluster.local",
      "sluice.localhost:9464",
    ]) {
      assert.equal(isOwnName(host, ["127.0.0.1"]), true, host);
    }
    assert.equal(isOwnName("Ops.example.com:9464", ["127.0.0.1", "ops.example.com"]), true);
  });

  it("refuses names that a stranger may have made to point here", () => {
    for (const host of ["rebind.example.com", "evil.example:9464", "127.0.0.1.example.com"]) {
      assert.equal(isOwnName(host, ["127.0.0.1"]), false, host);
    }
  });
});
