import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { rangesOf, StreamQueue } from "./stream-queue.ts";
import type { Outcome, QueuedEvent } from "./stream-queue.ts";

const LIMITS = { frame_bytes: 10_000, frame_events: 3 };

function event(text: string, isValid = true): QueuedEvent {
  return { text: JSON.stringify(text), bytes: text.length + 2, isValid };
}

function setUp() {
  const told: { outcomes: Outcome[]; wrong: string[]; settledAtMs: number[]; retried: string[] } = {
    outcomes: [],
    wrong: [],
    settledAtMs: [],
    retried: [],
  };
  const queue = new StreamQueue({
    settled: (outcome) => told.outcomes.push(outcome),
    wrong: (outcome, { text }) => told.wrong.push(`${text} ${outcome}`),
    retried: (code) => told.retried.push(code),
    settledDue: (atMs) => told.settledAtMs.push(atMs),
  });
  const welcome = (done = 0, credit = { seq: 100, bytes: 100_000 }) => {
    queue.welcome({ resume: "r", done, sack: [], exc: [], credit, limits: LIMITS });
  };
  return { queue, told, welcome };
}

/** The numbers and events of what is sent, until nothing may be sent any more. */
function sendAll(queue: StreamQueue): unknown[] {
  const sent: unknown[] = [];
  for (let next = queue.take(0); next !== null; next = queue.take(0)) {
    const { seq, events } = JSON.parse(next.text) as { seq: number; events: unknown[] };
    sent.push([seq, ...events]);
  }
  return sent;
}

describe("StreamQueue", () => {
  it("numbers events, cuts messages at the limit, and settles them once", () => {
    const { queue, told, welcome } = setUp();
    queue.offer([event("a"), event("b")], 10);
    queue.offer([event("c"), event("d")], 20);
    welcome();
    assert.deepEqual(sendAll(queue), [
      [1, "a", "b", "c"],
      [4, "d"],
    ]);
    queue.ack({ upto: 2 });
    queue.ack({ upto: 2, sack: [[4, 4]] });
    assert.deepEqual(told.settledAtMs, [10]);
    queue.ack({ upto: 4 });
    assert.deepEqual(told.settledAtMs, [10, 20]);
    assert.deepEqual(told.outcomes, ["stored", "stored", "stored", "stored"]);
    assert.equal(queue.heldEvents, 0);
  });

  it("sends no more than credit allows, by number and by bytes", () => {
    const { queue, welcome } = setUp();
    queue.offer([event("a"), event("b"), event("c")], 0);
    welcome(0, { seq: 2, bytes: 100_000 });
    assert.deepEqual(sendAll(queue), [[1, "a", "b"]]);
    queue.credit({ seq: 3, bytes: 100 });
    assert.deepEqual(sendAll(queue), []);
    queue.credit({ seq: 3, bytes: 1_000 });
    assert.deepEqual(sendAll(queue), [[3, "c"]]);
  });

  it("sends again what comes back as retry, and after a new welcome all that is held", () => {
    const { queue, told, welcome } = setUp();
    queue.offer([event("a"), event("b"), event("c")], 0);
    welcome();
    sendAll(queue);
    const retry = queue.ack({ upto: 0, retry: [{ seq: 2, code: "kafka_timeout" }] });
    for (const { seq } of retry) queue.again(seq);
    assert.deepEqual(sendAll(queue), [[2, "b"]]);
    assert.deepEqual(queue.hello(), { held: [[1, 3]], next: 4, resume: "r" });
    welcome(1);
    assert.deepEqual(sendAll(queue), [[2, "b", "c"]]);
    assert.deepEqual(told, {
      outcomes: ["stored"],
      wrong: [],
      settledAtMs: [],
      retried: ["kafka_timeout"],
    });
  });

  it("tells of a good event that is refused and of a bad one that is stored", () => {
    const { queue, told, welcome } = setUp();
    queue.offer([event("good"), event("bad", false), event("other bad", false)], 0);
    welcome();
    sendAll(queue);
    queue.ack({ upto: 3, rej: [{ seq: 1 }, { seq: 3 }] });
    assert.deepEqual(told.wrong, ['"good" rejected', '"bad" stored']);
    assert.deepEqual(told.outcomes, ["rejected", "rejected", "stored"]);
  });

  it("gives what is held to a new stream, under new numbers", () => {
    const { queue, welcome } = setUp();
    queue.offer([event("a"), event("b"), event("c")], 0);
    welcome(1);
    queue.startAnew();
    assert.deepEqual(queue.hello(), { held: [[1, 2]], next: 3 });
    welcome();
    assert.deepEqual(sendAll(queue), [[1, "b", "c"]]);
  });
});

describe("rangesOf", () => {
  it("joins neighbours", () => {
    assert.deepEqual(rangesOf([1, 2, 3, 7, 9, 10]), [
      [1, 3],
      [7, 7],
      [9, 10],
    ]);
  });
});
