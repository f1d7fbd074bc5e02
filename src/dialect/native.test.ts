import assert from "node:assert/strict";
import { test } from "node:test";
import { OUTCOME_NUMBER } from "../errors.ts";
import type { Fault, OutcomeCode } from "../errors.ts";
import { VERDICT } from "../records.ts";
import { bodyShape, nativeAnswer } from "./native.ts";

const OPTIONS = { requestId: "r-1", nowMs: 1_000 };
const FAULT: Fault = { code: "schema_invalid", kind: "type", path: "/data/n", detail: "d" };

type Given = "stored" | "duplicate" | "rejected" | OutcomeCode;

function batch(...given: readonly Given[]) {
  const verdicts = new Uint8Array(given.length);
  const codes = new Uint8Array(given.length);
  const rejections = new Map<number, { readonly id: string; readonly fault: Fault }>();
  for (const [row, verdict] of given.entries()) {
    if (verdict === "stored" || verdict === "duplicate") verdicts[row] = VERDICT[verdict];
    else if (verdict === "rejected") {
      verdicts[row] = VERDICT.rejected;
      rejections.set(row, { id: `id-${row}`, fault: FAULT });
    } else {
      verdicts[row] = VERDICT.retry;
      codes[row] = OUTCOME_NUMBER[verdict];
    }
  }
  const ids = { text: (row: number) => (row === 1 ? "" : `id-${row}`) };
  const retryDetail = () => "again";
  return { count: given.length, verdicts, codes, ids, rejections, retryDetail };
}

test("nativeAnswer: counts what went well, names what did not", () => {
  const reply = nativeAnswer(
    batch("stored", "kafka_timeout", "rejected", "duplicate", "overloaded"),
    OPTIONS,
  );
  assert.equal(reply.status, 200);
  assert.equal(reply.retryAfterSeconds, 2);
  assert.deepEqual(JSON.parse(String(reply.body)), {
    stored: 1,
    duplicate: 1,
    rejected: [{ index: 2, id: "id-2", ...FAULT }],
    retry: [
      { index: 1, code: "kafka_timeout", detail: "again" },
      { index: 4, id: "id-4", code: "overloaded", detail: "again" },
    ],
    request_id: "r-1",
    time: 1_000,
  });
});

test("nativeAnswer: 503 with Retry-After only if nothing has a final outcome", () => {
  const reply = nativeAnswer(batch("kafka_unavailable", "destination_unavailable"), OPTIONS);
  assert.equal(reply.status, 503);
  assert.equal(reply.retryAfterSeconds, 30);
  const problem = JSON.parse(String(reply.body)) as Record<string, unknown>;
  assert.equal(problem["code"], "destination_unavailable");
  assert.equal(typeof problem["message"], "string");
  assert.equal((problem["retry"] as unknown[]).length, 2);
  assert.equal(nativeAnswer(batch("rejected", "kafka_timeout"), OPTIONS).status, 200);
});

test("nativeAnswer: an empty batch is a success", () => {
  const reply = nativeAnswer(batch(), OPTIONS);
  assert.equal(reply.status, 200);
  assert.equal(reply.retryAfterSeconds, 0);
});

test("bodyShape: lines by content type, JSON for everything else that is text", () => {
  assert.equal(bodyShape("application/x-ndjson"), "ndjson");
  assert.equal(bodyShape("application/jsonl; charset=utf-8"), "ndjson");
  for (const type of [
    "",
    "application/json",
    "text/plain;charset=UTF-8",
    "application/octet-stream",
  ]) {
    assert.equal(bodyShape(type), "json", type);
  }
  assert.equal(bodyShape("application/x-www-form-urlencoded"), "json");
  assert.equal(bodyShape("multipart/form-data; boundary=x"), null);
  assert.equal(bodyShape("application/json; charset=utf-16"), null);
});
