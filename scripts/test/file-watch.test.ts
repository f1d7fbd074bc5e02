import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { FileWatch, withDescendants } from "./file-watch.ts";

const RUNNER = 10;
const PROCESSES = [
  { pid: RUNNER, parent: 1, words: ["node", "--test", "/a.test.ts", "/b.test.ts"] },
  { pid: 20, parent: RUNNER, words: ["node", "/a.test.ts", ""] },
  { pid: 21, parent: 20, words: ["node", "main.ts"] },
  { pid: 22, parent: 21, words: ["node", "main.ts"] },
  { pid: 30, parent: RUNNER, words: ["node", "/b.test.ts", ""] },
  { pid: 40, parent: 1, words: ["node", "/a.test.ts", ""] },
];

describe("FileWatch", () => {
  it("ends a file that takes too long, with all it has started and nothing else", () => {
    let nowMs = 0;
    const killed: number[] = [];
    let processes = PROCESSES.filter(({ pid }) => pid !== 30);
    const watch = new FileWatch({
      files: ["/a.test.ts", "/b.test.ts"],
      limitMs: 1_000,
      runner: RUNNER,
      processes: () => processes,
      clockMs: () => nowMs,
      kill: (pid) => killed.push(pid),
    });
    watch.look();
    nowMs = 999;
    processes = PROCESSES;
    watch.look();
    assert.deepEqual(killed, []);
    nowMs = 1_500;
    watch.look();
    assert.deepEqual(killed, [20, 21, 22]);
    assert.deepEqual(watch.overdue, ["/a.test.ts"]);
  });

  it("sees its own process and parent in /proc", () => {
    const killed: number[] = [];
    const [file = ""] = readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(-2);
    const watch = new FileWatch({
      files: [file],
      limitMs: 0,
      runner: process.ppid,
      kill: (pid) => killed.push(pid),
    });
    watch.look();
    assert.ok(killed.includes(process.pid));
  });
});

describe("withDescendants", () => {
  it("a process without children: itself", () => {
    assert.deepEqual(withDescendants(30, PROCESSES), [30]);
  });
});
