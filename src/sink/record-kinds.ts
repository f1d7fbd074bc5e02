/** What the sink makes of records, and the rows it writes of them. */
import type { KafkaRecord } from "../delivery/reader.ts";
import type { TablePlan } from "./tables.ts";

/** Where a record stands in Kafka. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** An id under which a person is known; "" where there is none. */
export interface Person {
  readonly tenant: string;
  /** Who the event's session belongs to. */
  readonly actor: string;
  readonly user: string;
}

export interface EventRow extends Person {
  readonly kind: "event";
  /** The event's identity as a UUID: a second row with it is not written. */
  readonly key: string;
  /** Of its receipt: 2026-05-01. */
  readonly day: string;
  readonly plan: TablePlan;
  /** COPY's text format, with its line feed. */
  readonly line: string;
  readonly receivedAtMs: number;
  readonly eventTimeMs: number;
  /** What an identify event says of its person: JSON text of an object. */
  readonly traits: string | undefined;
  /** For a dead letter, should the database refuse the row. */
  readonly record: KafkaRecord;
}

export interface SessionRow extends Person {
  readonly kind: "session";
  readonly source: string;
  readonly sessionId: string;
  readonly startedAtMs: number;
  /** Null: it has begun. */
  readonly endedAtMs: number | null;
  readonly durationMs: number | null;
  readonly events: number;
  readonly entry: string | null;
  readonly exit: string | null;
  readonly reason: string | null;
  /** −1: it has begun. */
  readonly revision: number;
}

export interface LetterRow {
  readonly kind: "letter";
  readonly origin: "gateway" | "sink";
  readonly day: string;
  readonly line: string;
}

export interface ErasureRow {
  readonly kind: "erasure";
  readonly tenant: string;
  /** Hex. */
  readonly personHash: string;
  readonly atMs: number;
  readonly requestId: string;
}

/** A record of the audit topic, as JSON text. */
export interface AuditRow extends Origin {
  readonly kind: "audit";
  readonly atMs: number;
  readonly what: string;
  readonly tenant: string;
  readonly json: string;
  readonly erasure: ErasureRow | undefined;
}

/** Nothing is written of it. */
export interface SkippedRecord {
  readonly kind: "skipped";
  readonly why: "duplicate" | "expired" | "empty" | "canary";
}

export type SinkRow = EventRow | SessionRow | LetterRow | AuditRow | SkippedRecord;
