/**
 * Room: delivery. It takes encoded records out of the codec's record table, stores them in Kafka
 * and tells, for each record exactly once, what became of it. This file is the room's contract; the
 * parts are put together in create.ts, the engine is lane.ts.
 *
 * It knows nothing of clients, tenants, schemas or sessions: a record is bytes, a destination, a
 * partition hash and somebody (the sink) who waits for its outcome.
 */
import type { OutcomeCode } from "../errors.ts";
import type { RecordTable } from "../records.ts";
import type { ProducerStatistics } from "./kafka-statistics.ts";

/**
 * Who waits for records. Each accepted record is reported once, stored or failed (index as
 * submitted); `commitSettled` follows when a commit has no more to say of this sink. A submission
 * may be settled in several portions. Never called from inside `submit` or `deadLetter`.
 */
export interface DeliverySink {
  recordStored(index: number): void;
  recordFailed(index: number, code: OutcomeCode): void;
  commitSettled(): void;
}

export interface Submission {
  readonly sink: DeliverySink;
  /** Destination number of each row (from `topic()`); −1: the row is not to be produced. */
  readonly topics: ArrayLike<number>;
  /** Whose events they are, for the shares of the budget; from `tenant()`. */
  readonly tenant: number;
  /** Kafka timestamp of every record: the time of receipt, milliseconds since 1970. */
  readonly timestampMs: number;
  /** Further headers of a row's record, read during the call; absent: none have any. */
  readonly headers?: (row: number) => ReadonlyArray<readonly [string, string]>;
  /** Added to a row's number to give the index the sink hears. */
  readonly indexBase: number;
}

export interface DeadLetter {
  /** `<topic>.dlq`, or `sluice.dlq`. */
  readonly topic: string;
  /** The index the sink hears. */
  readonly index: number;
  /** From `tenant()`. */
  readonly tenant: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: ReadonlyArray<readonly [string, string]>;
}

export type PressureLevel = "open" | "high" | "hard";

export interface Pressure {
  readonly unackedEvents: number;
  readonly unackedBytes: number;
  readonly level: PressureLevel;
}

export type DeliveryState = "starting" | "ready" | "unavailable" | "stopped";

export interface Delivery {
  /** Connects in the background. Rejects only if the embedded broker cannot be started. */
  start(): Promise<void>;
  /** Registers a destination; the same name gives the same small integer. */
  topic(name: string): number;
  /** Registers somebody who shares the budget; the same name gives the same small integer. */
  tenant(name: string): number;
  /** Copies all it needs before it returns. Refusals reach the sink in a later loop turn. */
  submit(table: RecordTable, submission: Submission): void;
  /** False: refused at once (no room, or draining) and the sink will hear nothing. */
  deadLetter(letter: DeadLetter, sink: DeliverySink): boolean;
  pressure(): Pressure;
  /** The pressure on one tenant: whether it has to send less for the sake of the others. */
  isHeldBack(tenant: number): boolean;
  /** How many tenants have to. */
  tenantsHeldBack(): number;
  state(): DeliveryState;
  /** Some partitions are not confirmed: a commit of theirs, in a siding, is out for long. */
  isHeldUp(): boolean;
  /** How its producers in use are, by the number of their lane; without those that said nothing. */
  statistics(): ReadonlyMap<number, ProducerStatistics>;
  /** Bootstrap list; with the embedded broker its real address, empty before `start` is done. */
  brokers(): string;
  /**
   * Takes nothing new, settles everything accepted within `deadlineMs` milliseconds (what is still
   * open then gets `kafka_timeout` or `kafka_unavailable`), disconnects. Never rejects or hangs.
   */
  drain(deadlineMs: number): Promise<void>;
}

/** What happens in here, for the log and the metrics; the receiver must not throw. */
export type DeliveryEvent =
  | {
      readonly kind: "commit";
      readonly lane: number;
      readonly records: number;
      readonly failed: number;
      readonly bytes: number;
      readonly durationMs: number;
    }
  | {
      /** Records of one commit that failed alike; `reason` is librdkafka's text. */
      readonly kind: "records_failed";
      readonly lane: number;
      readonly code: OutcomeCode;
      readonly count: number;
      readonly reason: string;
    }
  | { readonly kind: "refused"; readonly code: OutcomeCode; readonly count: number }
  | {
      /** A failure came for a record after its commit was settled: somebody was told `stored`. */
      readonly kind: "late_failure";
      readonly lane: number;
      readonly topic: string;
      readonly code: OutcomeCode;
    }
  | { readonly kind: "expired"; readonly count: number }
  | { readonly kind: "queue_full"; readonly lane: number }
  | {
      /** These partitions (`topic/number`) hold up others: from now on they wait by themselves. */
      readonly kind: "siding_opened";
      readonly lane: number;
      readonly partitions: readonly string[];
    }
  | { readonly kind: "siding_closed"; readonly lane: number }
  | { readonly kind: "commit_stuck"; readonly lane: number; readonly records: number }
  | { readonly kind: "producer_fatal"; readonly lane: number; readonly reason: string }
  | {
      /** Its commits time out again and again: another one is to take its place. */
      readonly kind: "producer_doubted";
      readonly lane: number;
    }
  | { readonly kind: "producer_failed"; readonly lane: number; readonly reason: string }
  | { readonly kind: "producer_ready"; readonly lane: number; readonly rebuilt: boolean }
  | { readonly kind: "circuit_open"; readonly lane: number; readonly forMs: number }
  | { readonly kind: "broker_error"; readonly lane: number; readonly reason: string }
  | { readonly kind: "state"; readonly state: DeliveryState; readonly reason: string }
  | { readonly kind: "pressure"; readonly level: PressureLevel }
  | {
      readonly kind: "topic";
      readonly topic: string;
      readonly status: "known" | "missing" | "denied" | "created";
      readonly partitions: number;
      readonly reason: string;
    }
  | { readonly kind: "lanes_reduced"; readonly lanes: number; readonly reason: string };

/** How to reach brokers that want to know who calls; passed on to librdkafka. */
export interface KafkaSecurity {
  readonly protocol: "plaintext" | "ssl" | "sasl_plaintext" | "sasl_ssl";
  readonly saslMechanism?: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" | "OAUTHBEARER";
  /** With OAUTHBEARER the id and the secret of the client that tokens are given to. */
  readonly saslUsername?: string;
  readonly saslPassword?: string;
  readonly oauth?: KafkaOauth;
  /** PEM files. */
  readonly caFile?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly keyPassword?: string;
}

/** Tokens for the brokers, by OAuth 2 client credentials. */
export interface KafkaOauth {
  readonly tokenUrl: string;
  readonly scope?: string;
  /** name=value[,name=value] */
  readonly extensions?: string;
  /** PEM file of the authorities that sign the token URL's host. */
  readonly caFile?: string;
}

export type Compression = "none" | "lz4" | "zstd" | "snappy" | "gzip";
