import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { jsonReply, problemReply } from "../protocol/reply.ts";
import { AnswerMemory } from "./answer-memory.ts";
import { Repeats } from "./repeats.ts";
import type { RepeatMark } from "./repeats.ts";
import type { SharedMemory } from "./shared-memory.ts";
import { FakeMemory } from "./testing/fake-memory.ts";

const BODY = new TextEncoder().encode("{}");
const OK = jsonReply(200, { stored: 1 });

interface HarnessOptions {
  readonly answersMax?: number;
  readonly bytesMax?: number;
  readonly shared?: SharedMemory;
}

class Harness {
  nowMs = 0;
  readonly counted: string[] = [];
  readonly memory: AnswerMemory;
  readonly repeats: Repeats;

  constructor({ answersMax = 10, bytesMax = 10_000, shared }: HarnessOptions = {}) {
    const clockMs = (): number => this.nowMs;
    this.memory = new AnswerMemory({ windowMs: 1_000, answersMax, bytesMax, clockMs });
    const onRepeat = (kind: string): unknown => this.counted.push(kind);
    this.repeats = new Repeats({
      memory: this.memory,
      shared: shared ?? null,
      windowMs: 1_000,
      onRepeat,
    });
  }

  mark(more: { key?: string; tenant?: string; body?: Uint8Array; path?: string } = {}): RepeatMark {
    const { key, tenant = "t", body = BODY, path = "/v1/batch?" } = more;
    const isFingerprinted = key === undefined;
    const request = { tenant, source: "s", path, idempotencyKey: key, isFingerprinted };
    const mark = this.repeats.mark(request, body);
    assert.ok(mark !== null);
    return mark;
  }

  status(mark: RepeatMark): number | null {
    const answer = this.repeats.answer(mark, { problem: problemReply, requestId: "r" });
    return answer?.status ?? null;
  }
}

describe("Repeats", () => {
  it("the same bytes get the first answer, for a window; other bytes, paths, tenants do not", () => {
    const harness = new Harness();
    const mark = harness.mark();
    assert.equal(harness.status(mark), null);
    harness.repeats.begin(mark);
    assert.equal(harness.status(harness.mark()), 503, "the first is under way");
    harness.repeats.end(mark, OK);
    assert.equal(harness.status(harness.mark()), 200);
    assert.deepEqual(harness.counted, ["fingerprint"]);
    const others = [{ tenant: "u" }, { path: "/v1/b?" }, { body: new Uint8Array([1]) }];
    for (const other of others) assert.equal(harness.status(harness.mark(other)), null);
    harness.nowMs = 1_000;
    assert.equal(harness.status(harness.mark()), null);
  });

  it("an answer that is not final is not kept", () => {
    const harness = new Harness();
    const passing = [problemReply("unavailable", { requestId: "r" }), jsonReply(200, {}, 2)];
    for (const reply of passing) {
      harness.repeats.begin(harness.mark());
      harness.repeats.end(harness.mark(), reply);
      assert.equal(harness.status(harness.mark()), null);
    }
    assert.equal(harness.memory.size, 0);
  });

  it("an Idempotency-Key: 409 under way, 422 with other bytes, replayed, bad ones refused", () => {
    const harness = new Harness();
    const mark = harness.mark({ key: "k" });
    harness.repeats.begin(mark);
    assert.equal(harness.status(harness.mark({ key: "k" })), 409);
    harness.repeats.end(mark, OK);
    assert.equal(harness.status(harness.mark({ key: "k" })), 200);
    assert.equal(harness.status(harness.mark({ key: "k", body: new Uint8Array([1]) })), 422);
    assert.equal(harness.status(harness.mark({ key: "k", tenant: "u" })), null);
    for (const key of ["", "ö", "x".repeat(201)]) {
      assert.equal(harness.status(harness.mark({ key })), 400);
    }
  });

  it("keeps few answers and few bytes, the newest", () => {
    for (const limits of [{ answersMax: 2 }, { bytesMax: 250 }]) {
      const harness = new Harness(limits);
      const marks = [1, 2, 3].map((byte) => harness.mark({ body: new Uint8Array([byte]) }));
      for (const mark of marks) {
        harness.repeats.begin(mark);
        harness.repeats.end(mark, OK);
      }
      assert.equal(harness.status(marks[0] ?? harness.mark()), null);
      assert.equal(harness.status(marks[2] ?? harness.mark()), 200);
    }
  });
});

describe("Repeats with other processes", () => {
  it("a request that another one has answered is answered as there, once it was asked", async () => {
    const shared = new FakeMemory();
    const [here, there] = [new Harness({ shared }), new Harness({ shared })];
    const mark = here.mark({ key: "k" });
    await there.repeats.ask(mark);
    assert.equal(there.status(mark), null);
    here.repeats.begin(mark);
    here.repeats.end(mark, OK);
    await there.repeats.ask(mark);
    assert.equal(there.status(mark), 200);
    assert.equal(there.status(there.mark({ key: "k", body: new Uint8Array([1]) })), 422);
    assert.equal(there.repeats.ask(mark), null, "what is known is not asked for again");
  });

  it("takes for new what nobody can tell, what is no answer, and what was not final", async () => {
    const shared = new FakeMemory();
    const harness = new Harness({ shared });
    const mark = harness.mark();
    harness.repeats.begin(mark);
    harness.repeats.end(mark, problemReply("unavailable", { requestId: "r" }));
    assert.equal(shared.entries.size, 0);
    for (const text of ["", "{}", "null", '["d",503,"t","b",{}]', '["d",200,"t",7,{}]']) {
      shared.entries.set(`sluice:rq:${mark.key}`, text);
      await harness.repeats.ask(mark);
      assert.equal(harness.status(mark), null, text);
    }
    shared.isAsked = false;
    assert.equal(harness.repeats.ask(mark), null);
  });

  it("does not tell others of long answers", () => {
    const shared = new FakeMemory();
    const harness = new Harness({ shared });
    const mark = harness.mark();
    harness.repeats.begin(mark);
    harness.repeats.end(mark, jsonReply(200, { text: "x".repeat(5_000) }));
    assert.equal(shared.entries.size, 0);
    assert.equal(harness.status(mark), 200);
  });
});
