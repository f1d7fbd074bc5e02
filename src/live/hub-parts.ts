/** What the hub of the live feed is made of, and what it says of itself. */
import type { Admission } from "../admission/admission.ts";
import type { PartitionRange } from "../delivery/topic-reader.ts";
import type { Clock } from "../lib/clock.ts";
import type { ValueDecoder } from "../schema/value-decoder.ts";
import type { RecordFate, RecordSource } from "./feed.ts";
import type { GapReason } from "./frames.ts";
import type { Catalogue } from "./subscription.ts";

/** Why a subscriber is sent away as he comes. */
export const REFUSALS = {
  off: "this process has no live feed",
  draining: "this process is shutting down",
  full: "this process has as many subscribers as it may have",
  source_full: "this source or its tenant has as many subscribers as it may have",
} as const;

export type LiveRefusal = keyof typeof REFUSALS;

/** What the live feed tells telemetry. */
export interface LiveObserver {
  subscribed(how: "now" | "time" | "token"): void;
  refused(reason: LiveRefusal): void;
  record(fate: RecordFate): void;
  delivered(count: number): void;
  gap(reason: GapReason, subscribers: number): void;
  /** A topic could not be read. */
  failed(topic: string, reason: string): void;
}

export type LiveSource = RecordSource & { readonly ranges: readonly PartitionRange[] };

export interface LiveHubParts {
  readonly admission: Admission;
  readonly catalogue: Catalogue;
  readonly decoder: ValueDecoder;
  /** A reader of a topic; rejects with a sentence. */
  readonly openSource: (topic: string) => Promise<LiveSource>;
  /** Kafka finds offsets by time. Otherwise a start at a time reads from the beginning. */
  readonly canSeekByTime: boolean;
  readonly subscribersMax: number;
  /** Those who are told something in one turn of the event loop; default LIVE_SHARD_SUBSCRIBERS. */
  readonly shardSubscribers?: number;
  /** What is looked at to catch up with, default LIVE_CATCH_UP_RECORDS_MAX. */
  readonly catchUpRecordsMax?: number;
  /** What was stored so long ago is told, or is a gap. */
  readonly latestMs: number;
  /** Of the process's time, above 0 up to 1. */
  readonly cpuShare: number;
  readonly clock: Clock;
  readonly soon: (action: () => void) => void;
  /** How busy the event loop is: 0 to 1. */
  readonly utilization: () => number;
  /** Unique among the processes that ever served; prefix of connection names. */
  readonly processId: string;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly goAwaySpreadMs: number;
  readonly observer: LiveObserver;
}
