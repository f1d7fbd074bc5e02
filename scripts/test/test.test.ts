import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parseTestArguments } from "./arguments.ts";
import type { LedgerLine } from "./ledger.ts";
import { isLong, servicesOf, toolsOf } from "./suites.ts";
import { leaveOutMissing } from "./tools.ts";
import { judge } from "./verdict.ts";

describe("servicesOf", () => {
  for (const [file, services] of [
    ["src/a/b.test.ts", []],
    ["src/a/kafka.test.ts", []],
    ["src/a/b.fuzz.test.ts", []],
    ["src/a/b.kafka.test.ts", ["kafka"]],
    ["src/a/b.redis.long.test.ts", ["redis"]],
    ["src/a/b.registry.test.mjs", ["registry"]],
    ["src/b.kafka.postgres.test.ts", ["kafka", "postgres"]],
    ["test/b.e2e.test.ts", ["kafka", "redis", "registry", "postgres"]],
  ] as const) {
    it(`${file}: ${services.join(", ") || "none"}`, () => {
      assert.deepEqual(servicesOf(file), services);
    });
  }
});

describe("toolsOf", () => {
  it("tells by the name", () => {
    assert.deepEqual(toolsOf("loadtest/smoke.k6.test.ts"), ["k6"]);
    assert.deepEqual(toolsOf("loadtest/k6.test.ts"), []);
    assert.deepEqual(toolsOf("test/console.chromium.test.ts"), ["chromium"]);
    assert.deepEqual(toolsOf("examples/a.e2e.test.ts"), ["chromium", "haproxy"]);
  });
});

describe("leaveOutMissing", () => {
  const files = ["a.test.ts", "b.k6.test.ts"];
  const isThere = () => Promise.resolve();
  const present = { chromium: isThere, haproxy: isThere, prometheus: isThere, k6: isThere };

  it("a tool that can be had: every file stays", async () => {
    const found = await leaveOutMissing(files, present);
    assert.deepEqual(found, { files, notRun: [] });
  });

  it("a tool that cannot be had: its files are not run, and it is said why", async () => {
    const k6 = () => Promise.reject(new Error("no Go"));
    assert.deepEqual(await leaveOutMissing(files, { ...present, k6 }), {
      files: ["a.test.ts"],
      notRun: ["b.k6.test.ts was not run: k6 cannot be had: no Go"],
    });
  });

  it("a tool that can be had everywhere: without it nothing is run", async () => {
    const chromium = () => Promise.reject(new Error("no network"));
    await assert.rejects(
      leaveOutMissing(["a.chromium.test.ts"], { ...present, chromium }),
      /no network/,
    );
  });

  it("no file needs it: it is not even asked for", async () => {
    const k6 = () => Promise.reject(new Error("asked"));
    assert.deepEqual(await leaveOutMissing(["a.test.ts"], { ...present, k6 }), {
      files: ["a.test.ts"],
      notRun: [],
    });
  });
});

describe("isLong", () => {
  it("tells by the name", () => {
    assert.equal(isLong("src/a.kafka.long.test.ts"), true);
    assert.equal(isLong("src/long.test.ts"), false);
  });
});

describe("judge", () => {
  const line = (file: string, outcome: LedgerLine["outcome"] = "passed"): LedgerLine => ({
    name: "a test",
    file,
    outcome,
  });

  it("a run in which everything ran: no complaint", () => {
    const files = ["/a.test.ts", "/a.kafka.test.ts"];
    const verdict = judge({ files, lines: files.map((file) => line(file)), required: ["kafka"] });
    assert.deepEqual(verdict, { passed: 2, failed: 0, skipped: 0, complaints: [] });
  });

  for (const outcome of ["skipped", "todo"] as const) {
    it(`a test that is ${outcome}: a complaint`, () => {
      const lines = [line("/a.test.ts"), line("/a.test.ts", outcome)];
      assert.equal(judge({ files: ["/a.test.ts"], lines, required: [] }).complaints.length, 1);
    });
  }

  it("failures are told by their names, and files that had to be ended by theirs", () => {
    const files = ["/a.test.ts", "/b.test.ts"];
    const whole: LedgerLine = { name: "/b.test.ts", file: "/b.test.ts", outcome: "failed" };
    const lines = [line("/a.test.ts", "failed"), whole];
    assert.deepEqual(judge({ files, lines, overdue: ["/b.test.ts"], required: [] }), {
      passed: 0,
      failed: 2,
      skipped: 0,
      complaints: [
        "2 failed.",
        "/b.test.ts: did not end and was ended.",
        '/a.test.ts: "a test" failed.',
        "/b.test.ts: failed as a whole.",
      ],
    });
  });

  it("a file that ran no test, though node:test counts the file as one: a complaint", () => {
    const lines = [
      line("/a.test.ts"),
      { name: "/b.test.ts", file: "/b.test.ts", outcome: "passed" },
    ];
    const verdict = judge({
      files: ["/a.test.ts", "/b.test.ts"],
      lines: lines as LedgerLine[],
      required: [],
    });
    assert.deepEqual(verdict.complaints, ["/b.test.ts: ran no test."]);
    assert.equal(verdict.passed, 1);
  });

  it("a server's suite that is not there: a complaint", () => {
    const verdict = judge({
      files: ["/a.test.ts"],
      lines: [line("/a.test.ts")],
      required: ["redis"],
    });
    assert.deepEqual(verdict.complaints, ["No redis test ran."]);
  });

  it("no test at all: a complaint", () => {
    assert.deepEqual(judge({ files: [], lines: [], required: [] }).complaints, [
      "No test ran at all.",
    ]);
  });
});

describe("parseTestArguments", () => {
  it("nothing: everything but the long suites", () => {
    assert.deepEqual(parseTestArguments([]), {
      isHelp: false,
      only: undefined,
      isLong: false,
      withServices: true,
      withCheck: true,
    });
  });

  it("--only: without the checks", () => {
    const { only, withCheck } = parseTestArguments(["--only", "codec"]);
    assert.deepEqual({ only, withCheck }, { only: "codec", withCheck: false });
  });

  it("an unknown option: refused", () => {
    assert.throws(() => parseTestArguments(["--grep", "x"]), /--grep/);
  });
});
