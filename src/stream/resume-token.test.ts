import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { STREAM_SECRETS_MAX } from "../limits.ts";
import { ResumeTokens } from "./resume-token.ts";
import { streamKey } from "./testing/holders.ts";

const KEY = streamKey({ stream: new Uint8Array(16).fill(7) });
const LIFE_SECONDS = 100;

function tokens(secret = "a secret of the test"): {
  tokens: ResumeTokens;
  pass: (ms: number) => void;
} {
  let nowMs = 1_700_000_000_000;
  const made = new ResumeTokens(secret, { lifeSeconds: LIFE_SECONDS, nowMs: () => nowMs });
  return { tokens: made, pass: (ms) => void (nowMs += ms) };
}

describe("ResumeTokens", () => {
  test("a token proves its own tenant, source and stream only", () => {
    const { tokens: own } = tokens();
    const token = own.token(KEY);
    assert.equal(own.proves(KEY, token), true);
    assert.equal(own.proves({ ...KEY, tenant: "other" }, token), false);
    assert.equal(own.proves({ ...KEY, source: "other" }, token), false);
    assert.equal(own.proves({ ...KEY, tenant: "demow", source: "eb" }, token), false);
    assert.equal(own.proves(streamKey(), token), false);
  });

  test("input 38: a token that was truncated, lengthened or changed in any bit proves nothing", () => {
    const { tokens: own } = tokens();
    const token = own.token(KEY);
    for (let length = 0; length < token.length; length += 1) {
      assert.equal(own.proves(KEY, token.slice(0, length)), false);
    }
    for (const wrong of [
      `${token}A`,
      `${token}=`,
      ` ${token}`,
      "",
      "💥".repeat(30),
      token.toLowerCase(),
    ]) {
      assert.equal(own.proves(KEY, wrong), false);
    }
    const bytes = Buffer.from(token, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(own.proves(KEY, changed.toString("base64url")), false, `bit ${bit}`);
    }
  });

  test("input 38: a token ends at its time", () => {
    const { tokens: own, pass } = tokens();
    const token = own.token(KEY);
    pass(LIFE_SECONDS * 1_000 - 1);
    assert.equal(own.proves(KEY, token), true);
    pass(1);
    assert.equal(own.proves(KEY, token), false);
  });

  test("another secret proves nothing; earlier ones go on proving, within bounds", () => {
    const { tokens: own } = tokens();
    const first = own.token(KEY);
    assert.equal(tokens("another").tokens.proves(KEY, first), false);
    own.use("another");
    assert.notEqual(own.token(KEY), first);
    assert.equal(own.proves(KEY, first), true);
    assert.equal(tokens("another").tokens.proves(KEY, own.token(KEY)), true);
    for (let turn = 0; turn < STREAM_SECRETS_MAX; turn += 1) own.use(`secret ${turn}`);
    assert.equal(own.proves(KEY, first), false);
  });
});
