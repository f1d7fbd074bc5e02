/**
 * What Redis answers, made sure of: streams' records as they are kept there, the scripts' answers,
 * and what processes tell one another. What cannot be read never throws.
 */
import { OUTCOME_RULES } from "../errors.ts";
import type { OutcomeCode } from "../errors.ts";
import type { Ranges } from "../protocol/frames.ts";
import type { ClaimAnswer, PastOwner, SaveAnswer, TakeAnswer } from "./memory-rules.ts";
import type { StreamException, StreamRecord } from "./store.ts";
import type { HandedOver, ReleaseAsk } from "./stream-memory.ts";
import { DOUBT_ALL, EMPTY_RECORD, withDoubt } from "./stream-record.ts";

export interface RecordFields {
  readonly done: string;
  readonly sack: string;
  readonly exc: string;
  readonly doubt: string;
}

export function recordFields({ done, sack, exc, doubtBelow = 0 }: StreamRecord): RecordFields {
  return {
    done: `${done}`,
    sack: JSON.stringify(sack),
    exc: JSON.stringify(exc),
    doubt: `${doubtBelow}`,
  };
}

/** What is not a record of ours leaves everything in doubt. */
function readRecord(fields: readonly unknown[]): StreamRecord {
  const [done, sack, exc, doubt] = fields.map(String);
  const ranges = readRanges(parse(sack));
  const exceptions = readExceptions(parse(exc));
  const doneNumber = Number(done);
  if (ranges === null || exceptions === null || !Number.isSafeInteger(doneNumber)) {
    return withDoubt(EMPTY_RECORD, DOUBT_ALL);
  }
  return withDoubt({ done: doneNumber, sack: ranges, exc: exceptions }, Number(doubt) || 0);
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return null;
  }
}

function readRanges(value: unknown): Ranges | null {
  if (!Array.isArray(value)) return null;
  const ranges: (readonly [number, number])[] = [];
  for (const range of value as readonly unknown[]) {
    const [from, to] = Array.isArray(range) ? (range as readonly unknown[]) : [];
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) return null;
    ranges.push([Number(from), Number(to)]);
  }
  return ranges;
}

function readExceptions(value: unknown): readonly StreamException[] | null {
  if (!Array.isArray(value)) return null;
  const lines = value as readonly unknown[];
  return lines.every(isException) ? lines : null;
}

function isException(value: unknown): value is StreamException {
  const line = members(value);
  const areTexts = ["kind", "path", "detail"].every(
    (name) => line[name] === undefined || typeof line[name] === "string",
  );
  return Number.isSafeInteger(line["seq"]) && isOutcomeCode(line["code"]) && areTexts;
}

function isOutcomeCode(value: unknown): value is OutcomeCode {
  return typeof value === "string" && Object.hasOwn(OUTCOME_RULES, value);
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  // A JSON object has string keys and unknown values.
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function readWaits(text: unknown): readonly PastOwner[] {
  const words = String(text).split(" ");
  const waits: PastOwner[] = [];
  for (let at = 0; at + 2 < words.length; at += 3) {
    const [epoch, owner = "", mayWrite] = words.slice(at, at + 3);
    waits.push({ epoch: Number(epoch), owner, mayWrite: mayWrite === "1" });
  }
  return waits;
}

function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? (reply as readonly unknown[]) : [];
}

/** Null, here and below: not an answer of the script. */
export function readClaimAnswer(reply: unknown): ClaimAnswer | null {
  const [kind, epoch, isKnown, ...rest] = listOf(reply);
  if (kind === "denied") return { kind };
  if (kind !== "claimed") return null;
  const record = isKnown === "1" ? readRecord(rest.slice(0, 4)) : null;
  const birth = String(rest[5]);
  return { kind, birth, epoch: Number(epoch), record, waits: readWaits(rest[4]) };
}

export function readTakeAnswer(reply: unknown): TakeAnswer | null {
  const [kind, isClean, ...fields] = listOf(reply);
  if (kind === "unknown" || kind === "superseded") return { kind };
  if (kind !== "taken") return null;
  return { kind, record: readRecord(fields), isClean: isClean === "1" };
}

export function readSaveAnswer(reply: unknown): SaveAnswer | null {
  const [kind, ...rest] = listOf(reply);
  if (kind === "saved" || kind === "superseded") return { kind };
  if (kind === "handed_over") return { kind, to: String(rest[0]) };
  if (kind !== "behind") return null;
  const owner = String(rest[5]);
  const previous = owner === "" ? null : { epoch: Number(rest[4]), owner };
  return { kind, record: readRecord(rest.slice(0, 4)), previous };
}

/** What one process tells another. */
export type ProcessMessage =
  | { readonly t: "release"; readonly ask: ReleaseAsk }
  | { readonly t: "released"; readonly news: HandedOver };

export function readMessage(text: string): ProcessMessage | null {
  const value = members(parse(text));
  const { t } = value;
  if (t === "release") {
    const { key, owner, previousEpoch, claimant, epoch } = members(value["ask"]);
    if (typeof key !== "string" || typeof owner !== "string") return null;
    if (typeof claimant !== "string" || typeof previousEpoch !== "number") return null;
    return typeof epoch !== "number"
      ? null
      : { t, ask: { key, owner, previousEpoch, claimant, epoch } };
  }
  if (t !== "released") return null;
  const { key, owner, epoch } = members(value["news"]);
  if (typeof key !== "string" || typeof owner !== "string" || typeof epoch !== "number")
    return null;
  return { t, news: { key, owner, epoch } };
}
