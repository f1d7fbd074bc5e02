import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import { answerPrimary, askWorkers } from "./questions.ts";

/** Both ends of the line between a primary and one worker. */
function makeLine() {
  const worker = Object.assign(new EventEmitter(), {
    send: (message: unknown): void => void primary.emit("message", message),
  });
  const primary = Object.assign(new EventEmitter(), {
    isConnected: (): boolean => true,
    send: (message: unknown, onSent: () => void): void => {
      worker.emit("message", message);
      onSent();
    },
  });
  return { worker, primary };
}

describe("askWorkers", () => {
  it("gathers what the workers answer, and asks again another time", async () => {
    const lines = [makeLine(), makeLine()];
    let asked = 0;
    for (const [index, { worker }] of lines.entries()) {
      const count = () => {
        asked += 1;
        return [index, asked];
      };
      answerPrimary(worker, { count, other: () => "other" });
    }
    const ends = lines.map(({ primary }) => primary);
    assert.deepEqual(await askWorkers("count", ends), [
      [0, 1],
      [1, 2],
    ]);
    assert.deepEqual(await askWorkers("count", ends), [
      [0, 3],
      [1, 4],
    ]);
    assert.deepEqual(await askWorkers("other", ends), ["other", "other"]);
    assert.deepEqual(
      ends.map((end) => end.listenerCount("message")),
      [0, 0],
    );
  });

  it("goes without a worker that is gone or does not know the question", async () => {
    const [known, gone, silent] = [makeLine(), makeLine(), makeLine()];
    answerPrimary(known.worker, { notes: () => 7 });
    answerPrimary(gone.worker, { notes: () => 8 });
    answerPrimary(silent.worker, { others: () => 9 });
    gone.primary.isConnected = () => false;
    const ends = [known.primary, gone.primary, silent.primary];
    assert.deepEqual(await askWorkers("notes", ends), [7]);
  });
});

describe("answerPrimary", () => {
  it("leaves alone what others say", () => {
    const sent: unknown[] = [];
    const line = Object.assign(new EventEmitter(), {
      send: (message: unknown): void => void sent.push(message),
    });
    answerPrimary(line, { notes: () => 1 });
    for (const message of [null, 7, { sluice: "snapshot" }, { question: "what?" }]) {
      line.emit("message", message);
    }
    assert.deepEqual(sent, []);
  });
});
