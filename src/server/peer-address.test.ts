import assert from "node:assert/strict";
import { test } from "node:test";

import { addressText } from "./peer-address.ts";

const of = (...bytes: readonly number[]): string => addressText(Uint8Array.from(bytes).buffer);

test("addressText: IPv4, IPv4 within IPv6, IPv6 in its canonical text", () => {
  assert.equal(of(203, 0, 113, 7), "203.0.113.7");
  assert.equal(of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1), "10.0.0.1");
  assert.equal(of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), "2001:db8::1");
  assert.equal(of(...Array<number>(15).fill(0), 1), "::1");
  assert.equal(of(), "");
});
