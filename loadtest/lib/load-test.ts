/**
 * What every load test is made of: k6's options, one function for each kind of client, and the
 * ledger before and after. A test's own file picks a scenario by its name.
 */
import exec from "k6/execution";
import http from "k6/http";
import type { Options } from "k6/options";
import { sleep } from "k6";

import type { ScenarioName } from "../catalog.ts";
import { sendBatch } from "./batch-sender.ts";
import { cutSample, EventSource, isJson } from "./event-source.ts";
import type { FreshEvent, Sample } from "./event-source.ts";
import { provoke } from "./hostile-clients.ts";
import { ledgerDifference, readLedger } from "./ledger.ts";
import type { LedgerNumbers } from "./ledger.ts";
import { Meters } from "./meters.ts";
import type { Phase } from "./meters.ts";
import { k6Options, streamGroups } from "./options.ts";
import { PersistentStream } from "./persistent-stream.ts";
import { readSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";
import { summarize } from "./summary.ts";
import type { K6Summary } from "./summary.ts";
import { arrivalMs } from "./timetable.ts";

/** Whoever sets faults on the gateway's servers counts from this line. */
const BEGIN_LINE = "sluice load test begins";

/** What is in flight when the last client goes is settled soon. */
const LEDGER_PATIENCE_S = 20;

/** What `setup` hands to everybody. */
interface Start {
  readonly atMs: number;
  readonly ledger: LedgerNumbers | null;
}

export interface LoadTest {
  readonly options: Options;
  setup(): Start;
  streams(start: Start): void;
  batches(start: Start): void;
  hostile(start: Start): void;
  teardown(start: Start): void;
  handleSummary(summary: K6Summary): Record<string, string>;
}

export function loadTest(name: ScenarioName): LoadTest {
  const settings = readSettings(name);
  const samples = readSamples(settings.pack);
  const meters = new Meters();
  let source: EventSource | undefined;
  // One for each virtual user: ids are made of its number.
  const sourceOf = (start: Start): EventSource =>
    (source ??= new EventSource({
      ...samples,
      invalidShare: settings.scenario.invalidShare,
      prefix: prefixOf(start.atMs, __VU),
      random: Math.random,
    }));
  return {
    options: k6Options(settings.scenario),
    setup: () => begin(settings),
    streams: (start) => openStreams({ settings, meters, source: sourceOf(start), start }),
    batches: (start) => {
      const { batches, drainS } = settings.scenario;
      const now = Date.now();
      const dueMs = Math.min(now, batchDueMs(settings));
      meters.generatorLag(now - dueMs);
      const person = `load-${exec.scenario.iterationInTest % 10_000}`;
      const next = (): FreshEvent => sourceOf(start).next(person, now);
      sendBatch({
        url: settings.url,
        key: settings.key,
        meters,
        events: Array.from({ length: batches?.events ?? 1 }, next),
        phaseAt: (atMs) => phaseAt(settings, start, atMs),
        dueMs,
        deadlineMs: now + drainS * 1_000,
      });
    },
    hostile: () => provoke({ url: settings.url, streamUrl: settings.streamUrl, meters }),
    teardown: (start) => finish(settings, { meters, start }),
    handleSummary: (summary) => summarize(summary, settings),
  };
}

/** By the timetable, however late k6 comes to it; ms since 1970. */
function batchDueMs({ scenario }: Settings): number {
  const { batches, durationS, stages } = scenario;
  const timetable = { perS: batches?.perS ?? 1, durationS, stages };
  return exec.scenario.startTime + arrivalMs(exec.scenario.iterationInTest, timetable);
}

function begin(settings: Settings): Start {
  const ledger = settings.adminUrls.length === 0 ? null : readGateways(settings);
  console.log(BEGIN_LINE);
  return { atMs: Date.now(), ledger };
}

/** Waits until nothing is in flight, then notes what the ledger has more than before. */
function finish(settings: Settings, { meters, start }: { meters: Meters; start: Start }): void {
  if (start.ledger === null) return;
  const untilMs = Date.now() + LEDGER_PATIENCE_S * 1_000;
  let after = readGateways(settings);
  while (!settings.isShared && after.in_flight > 0 && Date.now() < untilMs) {
    sleep(0.2);
    after = readGateways(settings);
  }
  meters.ledger(ledgerDifference(start.ledger, after));
}

function readGateways({ adminUrls }: Settings): LedgerNumbers {
  const pages = adminUrls.map((url) => {
    const { status, body } = http.get(`${url}/metrics`, { tags: { name: "metrics" } });
    if (status !== 200) throw new Error(`${url}/metrics answered ${status}`);
    return body as string;
  });
  return readLedger(pages);
}

function readSamples(pack: string): { valid: Sample[]; invalid: Sample[] } {
  const lines = (file: string): string[] =>
    open(import.meta.resolve(`../../packs/${pack}/${file}`))
      .split("\n")
      .filter((line) => line !== "");
  return {
    valid: lines("samples.ndjson").map((line) => cutSample(line, true)),
    invalid: lines("samples.invalid.ndjson")
      .filter(isJson)
      .map((line) => cutSample(line, false)),
  };
}

interface StreamsParts {
  readonly settings: Settings;
  readonly meters: Meters;
  readonly source: EventSource;
  readonly start: Start;
}

/** The streams of one virtual user; their timetables are spread over a period. */
function openStreams({ settings, meters, source, start }: StreamsParts): void {
  const { streams, drainS, fault, durationS } = settings.scenario;
  if (streams === null) return;
  const arrivedMs = Date.now();
  const frames = Math.max(1, Math.floor((streams.lifeS * 1_000) / streams.framePeriodMs));
  const endMs = arrivedMs + streams.lifeS * 1_000;
  const faultEndMs = fault === null ? 0 : start.atMs + (fault.at + fault.lasts) * durationS * 1_000;
  for (let index = 0; index < streamGroups(streams.count).perUser; index += 1) {
    const person = `load-${__VU}-${exec.vu.iterationInInstance}-${index}`;
    new PersistentStream({
      url: settings.streamUrl,
      key: settings.key,
      meters,
      makeEvents: (nowMs) =>
        Array.from({ length: streams.frameEvents }, () => source.next(person, nowMs)),
      phaseAt: (atMs) => phaseAt(settings, start, atMs),
      random: Math.random,
      firstAtMs: arrivedMs + Math.random() * streams.framePeriodMs,
      periodMs: streams.framePeriodMs,
      frames,
      dropsAtMs: dropsOf(streams.stormEveryS, { start, fromMs: arrivedMs, endMs }),
      deadlineMs: Math.max(endMs, faultEndMs) + drainS * 1_000,
    }).start();
  }
}

function dropsOf(
  everyS: number | undefined,
  { start, fromMs, endMs }: { start: Start; fromMs: number; endMs: number },
): number[] {
  if (everyS === undefined) return [];
  const drops: number[] = [];
  for (let atMs = start.atMs + everyS * 1_000; atMs < endMs; atMs += everyS * 1_000) {
    if (atMs > fromMs) drops.push(atMs);
  }
  return drops;
}

/** What was held up by a fault is settled within this time after it. */
const RECOVERY_MS = 10_000;
const MARGIN_MS = 500;

function phaseAt({ scenario }: Settings, start: Start, atMs: number): Phase {
  const { fault, durationS } = scenario;
  if (fault === null) return "calm";
  const fromMs = start.atMs + fault.at * durationS * 1_000 - MARGIN_MS;
  const untilMs = start.atMs + (fault.at + fault.lasts) * durationS * 1_000 + RECOVERY_MS;
  return atMs >= fromMs && atMs < untilMs ? "fault" : "calm";
}

/** 16 hexadecimal digits: the run, the virtual user, and chance. */
function prefixOf(startMs: number, user: number): string {
  const hex = (value: number, digits: number): string =>
    Math.floor(value).toString(16).padStart(digits, "0").slice(-digits);
  return hex(startMs / 100, 8) + hex(user, 4) + hex(Math.random() * 0xff_ff, 4);
}
