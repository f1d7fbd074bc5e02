/**
 * What a subscriber asks for: the members of a `subscribe` frame or the parameters of a URL, read
 * into one form and bounded. What he may have is subscription.ts' business.
 */
import {
  LIVE_KEYS_MAX,
  LIVE_TOKEN_CHARACTERS_MAX,
  LIVE_TOPICS_MAX,
  LIVE_TYPES_MAX,
} from "../limits/live.ts";
import { readFilter } from "./filter.ts";
import type { Filter } from "./filter.ts";

export type Start =
  | { readonly kind: "now" }
  /** The first record of this time or later: ms since 1970. */
  | { readonly kind: "time"; readonly timeMs: number }
  | { readonly kind: "token"; readonly token: string };

export interface LiveRequest {
  /** null: those of the types. */
  readonly topics: readonly string[] | null;
  /** null: all that may be read. */
  readonly types: readonly string[] | null;
  /** Kafka keys as text; null: all. */
  readonly keys: ReadonlySet<string> | null;
  readonly filter: Filter | null;
  readonly start: Start;
}

type Members = Readonly<Record<string, unknown>>;

/** A string says what is wrong. */
export function readRequest(members: Members): LiveRequest | string {
  const topics = readNames(members["topics"], { name: "topics", most: LIVE_TOPICS_MAX });
  if (typeof topics === "string") return topics;
  const types = readNames(members["types"], { name: "types", most: LIVE_TYPES_MAX });
  if (typeof types === "string") return types;
  const keys = readNames(members["keys"], { name: "keys", most: LIVE_KEYS_MAX });
  if (typeof keys === "string") return keys;
  const filter = readFilter(members["where"]);
  if (typeof filter === "string") return filter;
  const start = readStart(members["from"]);
  if (typeof start === "string") return start;
  return { topics, types, keys: keys === null ? null : new Set(keys), filter, start };
}

/** The query of `GET /v1/live/sse`, and its header Last-Event-ID. */
export function readQuery(query: string, lastEventId: string): LiveRequest | string {
  const parameters = new URLSearchParams(query);
  const list = (name: string): string[] | undefined => {
    const values = parameters.getAll(name).flatMap((value) => value.split(","));
    return values.length === 0 ? undefined : values;
  };
  const where = parameters.get("where");
  let conditions: unknown;
  try {
    conditions = where === null ? undefined : JSON.parse(where);
  } catch {
    return "where is a JSON array of conditions";
  }
  const token = lastEventId === "" ? parameters.get("token") : lastEventId;
  return readRequest({
    topics: list("topics"),
    types: list("types"),
    keys: list("keys"),
    where: conditions,
    from: token === null ? (parameters.get("from") ?? "now") : { token },
  });
}

function readNames(
  value: unknown,
  { name, most }: { readonly name: string; readonly most: number },
): readonly string[] | string | null {
  if (value === undefined || value === null) return null;
  const isList = Array.isArray(value) && value.every((each) => typeof each === "string");
  if (!isList || value.length === 0 || value.length > most) {
    return `${name} is an array of 1 to ${most} strings`;
  }
  return [...new Set<string>(value)];
}

const START = 'from is "now", a time (ms since 1970 or RFC 3339) or {token}';
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function readStart(from: unknown): Start | string {
  if (from === undefined || from === "now") return { kind: "now" };
  if (typeof from === "object" && from !== null) {
    const { token, time } = from as Members;
    if (typeof token === "string" && token.length <= LIVE_TOKEN_CHARACTERS_MAX) {
      return { kind: "token", token };
    }
    return time === undefined || typeof time === "object" ? START : readStart(time);
  }
  const timeMs = timeOf(from);
  return Number.isFinite(timeMs) && timeMs >= 0 ? { kind: "time", timeMs } : START;
}

function timeOf(value: unknown): number {
  if (typeof value === "number") return Math.floor(value);
  if (typeof value !== "string") return NaN;
  if (/^\d{1,15}$/.test(value)) return Number(value);
  return RFC3339.test(value) ? Date.parse(value) : NaN;
}
