import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CLOSE_RULES,
  FAULT_KINDS,
  OUTCOME_CODES,
  OUTCOME_NUMBER,
  OUTCOME_RULES,
  PROBLEM_RULES,
} from "./errors.ts";

test("OUTCOME_RULES: the tokens of the contract, final or not", () => {
  const finals = Object.entries(OUTCOME_RULES).map(([code, { final }]) => [code, final]);
  assert.deepEqual(Object.fromEntries(finals), {
    schema_unknown: true,
    schema_invalid: true,
    type_not_allowed: true,
    too_large: true,
    bad_id: true,
    timestamp_out_of_range: true,
    key_missing: true,
    event_fault: true,
    kafka_unavailable: false,
    kafka_timeout: false,
    destination_unavailable: false,
    overloaded: false,
    in_progress: false,
    registry_unavailable: false,
    internal: false,
  });
});

test("OUTCOME_RULES: what is to be sent again says when, what is final does not", () => {
  for (const [code, rule] of Object.entries(OUTCOME_RULES)) {
    assert.equal(rule.afterMs > 0, !rule.final, code);
    assert.equal(rule.status === 503, !rule.final, code);
  }
});

test("OUTCOME_NUMBER: is the place in OUTCOME_CODES, none is 0", () => {
  assert.equal(OUTCOME_CODES[0], "none");
  for (const [code, number] of Object.entries(OUTCOME_NUMBER)) {
    assert.equal(OUTCOME_CODES[number], code);
  }
  assert.ok(OUTCOME_CODES.length < 256, "a code fits a byte");
});

test("FAULT_KINDS: the order is the codec's, none first", () => {
  assert.deepEqual(FAULT_KINDS.slice(0, 4), ["none", "syntax", "utf8", "depth"]);
  assert.equal(new Set(FAULT_KINDS).size, FAULT_KINDS.length);
});

test("PROBLEM_RULES: no 408 (browsers send the POST again), no 501, 505, 511 (clients drop events)", () => {
  for (const { status } of Object.values(PROBLEM_RULES)) {
    assert.ok(![408, 501, 505, 511].includes(status));
  }
});

test("CLOSE_RULES: codes are unique and may be sent", () => {
  const codes = Object.values(CLOSE_RULES).map(({ code }) => code);
  assert.equal(new Set(codes).size, codes.length);
  const neverSent: readonly number[] = [1005, 1006, 1015];
  for (const code of codes) assert.ok(code >= 1000 && code < 5000 && !neverSent.includes(code));
});
