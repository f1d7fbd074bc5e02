/**
 * The closed sets of label values. What a room reports in words of its own is one of these words,
 * or it is `other`; nothing a client sends is among them.
 */
import { CLOSE_RULES, OUTCOME_RULES } from "../errors.ts";

export const DIALECTS = ["native", "segment", "rudder", "cloudevents", "webhook"] as const;
export const TRANSPORTS = ["http", "ws"] as const;
/** By what was asked for; a façade's ways in are one route. */
export const HTTP_ROUTES = [
  "events",
  "stream_events",
  "stream",
  "segment",
  "rudder",
  "cloudevents",
  "webhook",
  "tickets",
  "sessions",
  "preflight",
  "other",
] as const;
export const HTTP_STATUSES = [
  "101",
  "200",
  "202",
  "204",
  "400",
  "401",
  "403",
  "404",
  "405",
  "409",
  "413",
  "415",
  "422",
  "426",
  "429",
  "500",
  "503",
  "other",
] as const;
export const REPEAT_KINDS = ["fingerprint", "idempotency_key"] as const;
export const LOOK_UP_RESULTS = ["found", "absent", "unknown"] as const;
export const REMEMBER_RESULTS = ["written", "dropped", "failed"] as const;
export const DEAD_LETTER_RESULTS = ["stored", "failed"] as const;
export const KAFKA_ERRORS = [
  "timeout",
  "queue_full",
  "connection",
  "authentication",
  "authorization",
  "unknown_topic",
  "too_large",
  "fatal",
  "other",
] as const;
export const STREAM_REFUSALS = [
  "overloaded",
  "draining",
  "full",
  "source_full",
  "bad_request",
] as const;
export const TURNED_AWAY_BY = ["connections", "handshakes", "auth_failures"] as const;
export const STREAM_WELCOMES = ["new", "resumed", "unsure"] as const;
export const STREAM_CLAIMS = ["new", "resumed", "unclean", "away", "denied"] as const;
export const LIVE_STARTS = ["now", "time", "token"] as const;
export const LIVE_REFUSALS = ["off", "draining", "full", "source_full"] as const;
export const LIVE_RECORDS = ["delivered", "unwanted", "foreign"] as const;
export const LIVE_GAPS = ["slow", "behind", "retention", "reset", "limit"] as const;
export const SCHEMA_CHANGES = [
  "loaded",
  "new_version",
  "refused_version",
  "from_snapshot",
  "unregistered",
] as const;
export const LEDGER_STATES = [
  "received",
  "stored",
  "duplicate",
  "rejected",
  "retry",
  "in_flight",
] as const;
export const VERDICTS = ["stored", "duplicate", "rejected", "retry"] as const;
export const QUOTA_SCOPES = ["tenant", "source"] as const;
export const CREDIT_PAUSES = ["kafka", "memory", "rate", "drain"] as const;
export const BROKER_TROUBLES = ["retry", "timeout", "error", "reconnect"] as const;
export const CANARY_RESULTS = ["seen", "missing", "not_stored", "unread"] as const;
/** Of a sender, beside ours. */
export const CLOCK_SIDES = ["slow", "fast"] as const;
export const BACKLOGS = ["waited", "cut"] as const;
export const KAFKA_WAITS = ["records", "requests"] as const;
export const BODY_SIDES = ["compressed", "inflated"] as const;
export const SPAN_RESULTS = ["exported", "failed"] as const;
export const RESULTS = ["ok", "failed"] as const;
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

export type Backlog = (typeof BACKLOGS)[number];
export type Dialect = (typeof DIALECTS)[number];
export type Transport = (typeof TRANSPORTS)[number];
export type HttpRoute = (typeof HTTP_ROUTES)[number];
export type QuotaScope = (typeof QUOTA_SCOPES)[number];
export type CreditPause = (typeof CREDIT_PAUSES)[number];
export type BrokerTrouble = (typeof BROKER_TROUBLES)[number];
export type RepeatKind = (typeof REPEAT_KINDS)[number];
export type LookUpResult = (typeof LOOK_UP_RESULTS)[number];
export type RememberResult = (typeof REMEMBER_RESULTS)[number];
export type StreamRefusal = (typeof STREAM_REFUSALS)[number];
export type TurnedAwayBy = (typeof TURNED_AWAY_BY)[number];
export type StreamWelcome = (typeof STREAM_WELCOMES)[number];
export type StreamClaim = (typeof STREAM_CLAIMS)[number];
export type LiveStart = (typeof LIVE_STARTS)[number];
export type LiveRefused = (typeof LIVE_REFUSALS)[number];
export type LiveRecord = (typeof LIVE_RECORDS)[number];
export type LiveGap = (typeof LIVE_GAPS)[number];
export type SchemaChange = (typeof SCHEMA_CHANGES)[number];
export type DeadLetterResult = (typeof DEAD_LETTER_RESULTS)[number];
export type KafkaErrorKind = (typeof KAFKA_ERRORS)[number];

/** Closures without a code of ours: 1005 (none given), 1006 (the connection broke). */
export const CLOSE_CODES = [
  ...new Set([...Object.values(CLOSE_RULES).map((rule) => String(rule.code)), "1005", "1006"]),
  "other",
];

export const RETRY_CODES = Object.entries(OUTCOME_RULES)
  .filter(([, rule]) => !rule.final)
  .map(([code]) => code);

export const OUTCOMES: readonly (readonly [string, string])[] = [
  ["stored", "none"],
  ["duplicate", "none"],
  ...Object.entries(OUTCOME_RULES).map(
    ([code, rule]) => [rule.final ? "rejected" : "retry", code] as const,
  ),
];
