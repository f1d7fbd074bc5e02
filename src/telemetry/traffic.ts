/**
 * What happens to events, requests and sockets: counts it, and keeps the ledger. Once per batch at
 * most and label set; normal traffic logs nothing.
 */
import { OUTCOME_CODES, type FaultKind } from "../errors.ts";
import {
  HTTP_STATUSES,
  LEDGER_STATES,
  type Backlog,
  type DeadLetterResult,
  type Dialect,
  type HttpRoute,
  type CreditPause,
  type QuotaScope,
  type RepeatKind,
  type StreamRefusal,
  type StreamWelcome,
  type TurnedAwayBy,
  type Transport,
} from "./label-sets.ts";
import type { TenantKey } from "./keyed-cells.ts";
import { Ledger, type LedgerNumbers } from "./ledger.ts";
import type { Logger } from "./logger.ts";
import type { Recent } from "./recent.ts";
import type { MetricCells } from "./metric-registry.ts";
import { METRICS } from "./metrics.ts";

/** Verdicts of a batch since the last tally; codes by their number (errors.ts). */
export interface VerdictTally {
  readonly stored: number;
  readonly duplicate: number;
  readonly storedLate: number;
  readonly rejected: Uint32Array;
  readonly retry: Uint32Array;
}

export interface ReceivedBatch {
  readonly dialect: Dialect;
  readonly transport: Transport;
  /** Events that will get an outcome: ignored repeats are not received. */
  readonly events: number;
  readonly bytes: number;
  readonly tenant: TenantKey;
}

/** By which a trace is found again. */
interface TraceName {
  readonly traceId: string;
  readonly spanId: string;
}

interface TrafficParts {
  readonly cells: MetricCells;
  readonly log: Logger;
  readonly recent: Recent;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

const HTTP_STATUS_NAMES = new Map(
  HTTP_STATUSES.filter((status) => status !== "other").map((status) => [Number(status), status]),
);
const CLOSE_CODE_NAMES: ReadonlySet<string> = new Set(METRICS.wsClosed.series.flat());

export class TrafficTelemetry {
  readonly #cells: MetricCells;
  readonly #log: Logger;
  readonly #nowMs: () => number;
  /** For the pipeline, which knows the words. */
  readonly recent: Recent;
  readonly #ledger = new Ledger();
  #socketsOpen = 0;

  constructor(parts: TrafficParts) {
    this.#cells = parts.cells;
    this.#nowMs = parts.nowMs;
    this.recent = parts.recent;
    this.#log = parts.log;
    const { cells } = parts;
    cells.wsConnections.readFrom(() => this.#socketsOpen);
    cells.inflightEvents.readFrom(() => this.#ledger.numbers().inFlight);
    cells.ledgerEvents.readSeriesFrom(() => ledgerSeries(this.#ledger.numbers()));
    cells.ledgerDrift.readFrom(() => this.#checkedDrift());
  }

  /** Events of a batch now count as received; each comes back in one tally. */
  received(batch: ReceivedBatch): void {
    const { dialect, transport, events, bytes, tenant } = batch;
    this.#ledger.receive(events);
    this.#cells.eventsReceived.add(events, dialect, transport);
    this.#cells.batchEvents.observe(events, 1, transport);
    this.#cells.receivedBytes.add(bytes, transport);
    this.#cells.tenantBytes.add(bytes, tenant);
  }

  /** Events got their verdicts; called once per batch and turn, with what is new. */
  settled(tally: VerdictTally, tenant: TenantKey): void {
    if (tally.stored > 0) {
      this.#ledger.settle("stored", tally.stored);
      this.#cells.tenantEvents.add(tally.stored, tenant, "stored");
      this.#cells.eventsOutcome.add(tally.stored, "stored", "none");
    }
    if (tally.duplicate > 0) {
      this.#ledger.settle("duplicate", tally.duplicate);
      this.#cells.tenantEvents.add(tally.duplicate, tenant, "duplicate");
      this.#cells.eventsOutcome.add(tally.duplicate, "duplicate", "none");
    }
    if (tally.storedLate > 0) {
      this.#cells.eventsStoredLate.add(tally.storedLate);
    }
    for (let code = 1; code < OUTCOME_CODES.length; code += 1) {
      const rejected = tally.rejected[code] ?? 0;
      const retry = tally.retry[code] ?? 0;
      if (rejected > 0) {
        this.#ledger.settle("rejected", rejected);
        this.#cells.tenantEvents.add(rejected, tenant, "rejected");
        this.#cells.eventsOutcome.add(rejected, "rejected", OUTCOME_CODES[code]);
      }
      if (retry > 0) {
        this.#ledger.settle("retry", retry);
        this.#cells.tenantEvents.add(retry, tenant, "retry");
        this.#cells.eventsOutcome.add(retry, "retry", OUTCOME_CODES[code]);
      }
    }
  }

  /** Events that do not fit their schema; their outcome is counted by `settled`. */
  invalid(kind: FaultKind, count = 1): void {
    this.#cells.validationErrors.add(count, kind);
  }

  /** One batch was validated and encoded. */
  encoded(durationMs: number): void {
    this.#cells.encode.observe(durationMs / 1_000);
  }

  /** A batch says when it was sent, in ms since 1970; this is so much later. */
  sentBefore(differenceMs: number): void {
    const side = differenceMs < 0 ? "fast" : "slow";
    this.#cells.clockSkew.observe(Math.abs(differenceMs) / 1_000, 1, side);
  }

  /** A body that came compressed was inflated. */
  inflated(compressedBytes: number, bytes: number): void {
    this.#cells.compressedBytes.add(compressedBytes, "compressed");
    this.#cells.compressedBytes.add(bytes, "inflated");
  }

  /** A client reads more slowly than it is written to. */
  backlogged(what: Backlog): void {
    this.#cells.wsBacklogs.add(1, what);
  }

  /** A whole body is there, inflated, and its sender known. */
  bodyReceived(durationMs: number): void {
    this.#cells.receive.observe(durationMs / 1_000);
  }

  /** The last event of a batch has its outcome, so long after its records went to Kafka. */
  committed(durationMs: number): void {
    this.#cells.commit.observe(durationMs / 1_000);
  }

  /** Answers were written, so long after the outcomes they tell were known. */
  told(durationMs: number, answers = 1): void {
    this.#cells.answer.observe(durationMs / 1_000, answers);
  }

  /** The last event of one or more batches was answered, so long after the first came in. */
  answered(
    transport: Transport,
    latencyMs: number,
    {
      batches = 1,
      trace = null,
    }: { readonly batches?: number; readonly trace?: TraceName | null } = {},
  ): void {
    const seconds = latencyMs / 1_000;
    this.#cells.ackLatency.observe(seconds, batches, transport);
    if (trace === null) return;
    const { traceId, spanId } = trace;
    this.#cells.ackLatency.exemplify(seconds, { traceId, spanId, atMs: this.#nowMs() }, transport);
  }

  httpAnswered(route: HttpRoute, status: number, durationMs: number): void {
    this.#cells.httpRequests.add(1, route, HTTP_STATUS_NAMES.get(status) ?? "other");
    this.#cells.httpRequestTime.observe(durationMs / 1_000, 1, route);
  }

  /** A request was answered 429 because its sender's quota is used up. */
  quotaReached(scope: QuotaScope): void {
    this.#cells.quotaReached.add(1, scope);
  }

  /** A client was told that its credit does not rise. */
  creditPaused(reason: CreditPause): void {
    this.#cells.creditPauses.add(1, reason);
  }

  readTenantConnectionsFrom(read: () => Iterable<readonly [TenantKey, number]>): void {
    this.#cells.tenantConnections.readFrom(read);
  }

  /** A request that came again was answered from memory. */
  requestRepeated(kind: RepeatKind): void {
    this.#cells.requestsRepeated.add(1, kind);
  }

  socketOpened(): void {
    this.#socketsOpen += 1;
    this.#cells.wsOpened.add(1);
  }

  socketClosed(code: number): void {
    this.#socketsOpen -= 1;
    const name = String(code);
    this.#cells.wsClosed.add(1, CLOSE_CODE_NAMES.has(name) ? name : "other");
  }

  /** A socket was closed or not let in before it could send anything. */
  socketRefused(reason: StreamRefusal): void {
    this.#cells.wsRefused.add(1, reason);
  }

  /** A request was answered 429 for its address alone. */
  turnedAway(by: TurnedAwayBy): void {
    this.#cells.turnedAway.add(1, by);
  }

  badCredentials(): void {
    this.#cells.badCredentials.add(1);
  }

  readShedLevelFrom(read: () => number): void {
    this.#cells.shedLevel.readFrom(read);
  }

  /** What has to wait has changed, because the process has too much to do, or no longer. */
  shedChanged(shed: readonly string[]): void {
    if (shed.length === 0) this.#log.info("nothing is shed any more");
    else this.#log.warn("too much to do: traffic is shed", { priorities: shed });
  }

  streamWelcomed(how: StreamWelcome): void {
    this.#cells.streamsWelcomed.add(1, how);
  }

  /** Events that clients may send and have not sent, and their share of the budget. */
  readCreditFrom(read: () => { readonly events: number; readonly overcommit: number }): void {
    this.#cells.streamCreditEvents.readFrom(() => read().events);
    this.#cells.streamOvercommit.readFrom(() => read().overcommit);
  }

  deadLettersWritten(result: DeadLetterResult, count = 1): void {
    this.#cells.deadLetters.add(count, result);
    if (result === "failed") {
      this.#log.warn("dead letters not written, their events are answered retry", { count });
    }
  }

  /** The pipeline's own count of events received and not settled: what the ledger is checked by. */
  countInFlightBy(read: () => number): void {
    this.#ledger.countInFlightBy(read);
  }

  ledger(): LedgerNumbers {
    return this.#ledger.numbers();
  }

  #checkedDrift(): number {
    const numbers = this.#ledger.numbers();
    if (numbers.drift !== 0) {
      this.#log.error("the event ledger does not balance", { ...numbers });
    }
    // Without its sign, so that the sum over processes is 0 only if each of them is.
    return Math.abs(numbers.drift);
  }
}

function ledgerSeries(numbers: LedgerNumbers): readonly number[] {
  const byState: Readonly<Record<(typeof LEDGER_STATES)[number], number>> = {
    received: numbers.received,
    stored: numbers.stored,
    duplicate: numbers.duplicate,
    rejected: numbers.rejected,
    retry: numbers.retry,
    in_flight: numbers.inFlight,
  };
  return LEDGER_STATES.map((state) => byState[state]);
}
