import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { FakeClock } from "../lib/clock.ts";
import { FIELD_LENGTH_MAX, safeFields, singleLine } from "./log-fields.ts";
import { LogLimit } from "./log-limit.ts";
import { createLogger, type LoggerOptions, type LogLevel } from "./logger.ts";
import { createTelemetry } from "./telemetry.ts";

const ESCAPE = "\u001b";

function setUp(given: Partial<LoggerOptions> = {}) {
  const output: string[] = [];
  const errors: string[] = [];
  const counted: string[] = [];
  const clock = new FakeClock();
  const log = createLogger({
    level: "info",
    format: "json",
    isTty: false,
    clock,
    output: { write: (line) => output.push(line) },
    errors: { write: (line) => errors.push(line) },
    onLine: (level, suppressed) => counted.push(suppressed ? `-${level}` : level),
    ...given,
  });
  return { log, output, errors, clock, counted };
}

function parse(line: string | undefined): Record<string, unknown> {
  const value: unknown = JSON.parse(line ?? "");
  assert.ok(typeof value === "object" && value !== null);
  return value as Record<string, unknown>;
}

describe("createLogger, ECS", () => {
  it("names members as the Elastic Common Schema does, and puts the rest below sluice", () => {
    const { log, output } = setUp({ format: "ecs", version: "1.2.3", base: { worker: 3 } });
    log.warn("registry unreachable", { url: "http://me:hush@r", retryInMs: 50 });
    assert.deepEqual(parse(output[0]), {
      "log.level": "warn",
      "@timestamp": "2023-11-14T22:13:20.000Z",
      ecs: { version: "8.11.0" },
      service: { name: "sluice", version: "1.2.3" },
      process: { pid: process.pid },
      sluice: { worker: 3, url: "http://***@r", retryInMs: 50 },
      message: "registry unreachable",
    });
  });

  it("an error has its type, its message and its stack", () => {
    const { log, output } = setUp({ format: "ecs" });
    log.error("unexpected error", { where: "here", error: new TypeError("no such thing") });
    const { error, sluice } = parse(output[0]);
    assert.deepEqual(sluice, { where: "here" });
    assert.ok(typeof error === "object" && error !== null);
    const { type, message, stack_trace: stack } = error as Record<string, unknown>;
    assert.deepEqual([type, message], ["TypeError", "no such thing"]);
    assert.match(String(stack), /logger\.test/);
  });

  it("secrets and line ends are as safe as in JSON", () => {
    const { log, output } = setUp({ format: "ecs" });
    log.warn("a\nb", { password: "hush", text: "x\ny" });
    assert.equal(output.join("").split("\n").length, 2);
    assert.doesNotMatch(output.join(""), /hush/);
  });

  it("the ready line is one of them", () => {
    const { log, output } = setUp({ format: "ecs" });
    log.ready("http://127.0.0.1:8080", { pack: "behaviour" });
    const { message, sluice } = parse(output[0]);
    assert.equal(message, "ready");
    assert.deepEqual(sluice, { url: "http://127.0.0.1:8080", pack: "behaviour" });
  });
});

describe("createLogger, JSON", () => {
  it("one line of JSON on standard output, with level, time, message and fields", () => {
    const { log, output, errors } = setUp({ base: { worker: 3 } });
    log.warn("registry unreachable", { url: "http://me:hush@r", retryInMs: 50 });
    assert.equal(output.length, 1);
    assert.ok(output[0]?.endsWith("}\n"));
    assert.deepEqual(parse(output[0]), {
      level: "warn",
      time: "2023-11-14T22:13:20.000Z",
      worker: 3,
      url: "http://***@r",
      retryInMs: 50,
      msg: "registry unreachable",
    });
    assert.deepEqual(errors, []);
  });

  it("lines below the level are neither written nor counted", () => {
    const { log, output, counted } = setUp({ level: "warn" });
    log.debug("a");
    log.info("b");
    log.error("c");
    assert.equal(output.length, 1);
    assert.deepEqual(counted, ["error"]);
  });

  it('ready is "msg":"ready" whatever the level', () => {
    const { log, output } = setUp({ level: "error" });
    log.ready("http://127.0.0.1:8080", { adminUrl: "http://127.0.0.1:9464" });
    assert.ok(output[0]?.includes('"msg":"ready"'));
    const { level, url } = parse(output[0]);
    assert.deepEqual([level, url], ["info", "http://127.0.0.1:8080"]);
  });

  it("a kind that repeats is limited, and the next line says how many were left out", () => {
    const { log, output, clock, counted } = setUp();
    for (let index = 0; index < 50; index += 1) {
      log.warn("again");
    }
    log.warn("other kind");
    assert.equal(output.length, 11);
    clock.advance(60_000);
    log.warn("again");
    assert.equal(parse(output.at(-1))["suppressed"], 40);
    assert.equal(counted.filter((entry) => entry === "-warn").length, 40);
  });
});

describe("createLogger, pretty", () => {
  it("standard output carries the ready line alone", () => {
    for (const given of [{ format: "pretty" }, { format: "auto", isTty: true }] as const) {
      const { log, output, errors } = setUp({ ...given });
      log.info("starting");
      log.ready("http://127.0.0.1:8080", { adminUrl: "x" });
      log.warn("not ready", { reasons: ["Kafka is gone"] });
      assert.deepEqual(output, ["sluice ready on http://127.0.0.1:8080\n"]);
      assert.equal(errors.length, 2);
      assert.match(errors[1] ?? "", /WARN.*not ready.*Kafka is gone/);
    }
  });

  it("no colours off a terminal, colours on one", () => {
    const plain = setUp({ format: "pretty" });
    plain.log.info("hello");
    assert.ok(!plain.errors[0]?.includes(ESCAPE));
    const coloured = setUp({ format: "auto", isTty: true });
    coloured.log.info("hello");
    assert.ok(coloured.errors[0]?.includes(ESCAPE));
  });

  it("nothing in a field or message can forge a line or steer the terminal", () => {
    const evil = `x\n[12:00:00] INFO: forged\r${ESCAPE}[2J\u009b31m\u202e\u2028`;
    const { log, errors } = setUp({ format: "pretty" });
    log.warn(evil, { [evil]: evil, nested: { deep: [evil] } });
    assert.equal(errors.length, 1);
    const line = errors[0] ?? "";
    assert.equal(line.trimEnd().split("\n").length, 1, line);
    // oxlint-disable-next-line no-control-regex -- their absence is what is tested
    assert.doesNotMatch(line.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  });
});

describe("safeFields", () => {
  it("replaces what is secret by name, at any depth", () => {
    const text = JSON.stringify(
      safeFields({
        password: "hush",
        saslPassword: "hush",
        resumeToken: "hush",
        Authorization: "hush",
        writeKey: "hush",
        write_key: "hush",
        nested: { clientSecret: "hush", list: [{ apiKey: "hush" }] },
      }),
    );
    assert.ok(!text.includes("hush"), text);
  });

  it("keeps what only sounds like it", () => {
    const fields = { key: "k", keys: 3, passed: true, schemaId: 7 };
    assert.deepEqual(safeFields(fields), fields);
  });

  it("cuts long texts, wide objects and long lists, and stops at a depth", () => {
    const wide = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`m${index}`, index]),
    );
    const safe = safeFields({
      long: "a".repeat(5_000),
      wide,
      list: Array.from({ length: 100 }, () => 1),
      deep: { a: { b: { c: { d: 1 } } } },
    });
    const long = String(safe["long"]);
    assert.ok(long.length < FIELD_LENGTH_MAX + 50 && long.includes("3976 more"));
    assert.ok(JSON.stringify(safe).length < 4_000);
    assert.ok(JSON.stringify(safe["deep"]).includes("[nested]"));
  });

  it("makes errors, bytes, big integers and functions plain; survives a cycle", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const safe = safeFields({
      error: new TypeError("boom at redis://u:hush@h"),
      bytes: new Uint8Array(8),
      big: 12n,
      call: () => 1,
      cycle,
    });
    const { type, message } = safe["error"] as { type: string; message: string };
    assert.deepEqual([type, message], ["TypeError", "boom at redis://***@h"]);
    assert.deepEqual([safe["bytes"], safe["big"], safe["call"]], ["[8 bytes]", "12", "[function]"]);
    assert.ok(!JSON.stringify(safe).includes("hush"));
  });
});

describe("singleLine", () => {
  it("shows controls as escapes and leaves the rest", () => {
    assert.equal(singleLine("a\tb\nc"), "a\\u0009b\\u000ac");
    assert.equal(singleLine("Grüße, 世界 🎉"), "Grüße, 世界 🎉");
  });
});

describe("LogLimit", () => {
  it("kinds are bounded: those over the bound share one window", () => {
    const clock = new FakeClock();
    const limit = new LogLimit({ clock, linesMax: 1 });
    for (let index = 0; index < 256; index += 1) {
      assert.equal(limit.admit(`kind ${index}`), 0);
    }
    assert.equal(limit.admit("one more"), 0);
    assert.equal(limit.admit("and another"), -1);
    assert.equal(limit.admit("kind 0"), -1);
    clock.advance(60_000);
    assert.equal(limit.admit("and another"), 1);
  });
});

describe("createTelemetry", () => {
  it("counts its own lines by level and gives the process's metrics", async () => {
    const lines: string[] = [];
    const sink = { write: (line: string) => lines.push(line) };
    const clock = new FakeClock();
    const telemetry = createTelemetry({
      level: "info" satisfies LogLevel,
      format: "json",
      isTty: false,
      output: sink,
      errors: sink,
      clock,
      version: "1.2.3",
      nodeMetrics: false,
    });
    telemetry.process.notice("one");
    telemetry.process.drainStarted("SIGTERM");
    clock.advance(3_000);
    const text = await telemetry.registry.text();
    assert.match(text, /^sluice_log_lines_total\{level="warn"\} 1$/m);
    assert.match(text, /^sluice_log_lines_total\{level="info"\} 1$/m);
    assert.match(text, /^sluice_build_info\{version="1.2.3",node="v[0-9.]+"\} 1$/m);
    assert.match(text, /^sluice_event_loop_utilization_ratio [0-9.e-]+$/m);
    assert.equal(clock.pendingCount, 1);
    telemetry.stop();
    assert.equal(clock.pendingCount, 0);
  });
});
