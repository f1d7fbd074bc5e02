/**
 * The heart: takes one frame through codec, sessions and delivery and sees to it that each of its
 * events gets exactly one verdict. Two steps, because a stream must first say which events of a
 * frame are repeats: `open` encodes, `run` hands over. Both are synchronous and follow each other
 * in one turn: the record table in between is the codec's. It knows no sockets, no HTTP, no Kafka.
 */
import assert from "node:assert/strict";
import { OUTCOME_RULES } from "../errors.ts";
import type { Fault } from "../errors.ts";
import { FAULT_SEARCH_BYTES_MAX } from "../limits/events.ts";
import { VERDICT } from "../records.ts";
import type { RecordTable } from "../records.ts";
import type { Codec, FrameContext } from "../codec/codec.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Dialect as AdmittedDialect } from "../admission/policy.ts";
import type { SchemaStore } from "../schema/store.ts";
import type { Sessions } from "../session/sessions.ts";
import type { BatchTrace } from "../tracing/tracer.ts";
import { AskedSchemas } from "./asked-schemas.ts";
import { filled } from "./batch.ts";
import type { Batch, BatchListener, BatchWatch } from "./batch.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { Faults } from "./faults.ts";
import type { Refusals, SearchBudget } from "./faults.ts";
import { KnownIds } from "./known-ids.ts";
import type { KnownIdsParts, ScopeOf } from "./known-ids.ts";
import { NOT_ALLOWED, Permits } from "./permits.ts";
import type { Permit, Sender } from "./permits.ts";
import type { PipelineObserver } from "./observer.ts";
import { OpenFrame } from "./open-frame.ts";
import type { OpenResult } from "./open-frame.ts";
import { noteBatch, refusalOf } from "./recent-notes.ts";
import { onlyTopic, recordHeaders } from "./record-facts.ts";
import type { RouteBook } from "./routes.ts";
import { SessionTouches } from "./session-touches.ts";

export interface PipelineParts extends KnownIdsParts {
  readonly codec: Codec;
  readonly routes: RouteBook;
  readonly delivery: Delivery;
  readonly sessions: Sessions;
  readonly schemas: SchemaStore;
  readonly deadLetters: DeadLetters;
  readonly observer: PipelineObserver;
  /** Key of the hashes that private values are stored as; absent: no schema asks for them. */
  readonly privacySalt?: string;
  /** Milliseconds with fractions, for durations. */
  readonly clockMs: () => number;
}

/** An event that cannot be handed over, by its place in the frame. */
export type EventFault = Fault & {
  readonly index: number;
  readonly id?: string;
  /** All that is wrong with it, where the sender asked for that. */
  readonly faults?: readonly Fault[];
};

export interface OpenOptions {
  /** Of a frame that was waiting: what `ready` gave. */
  readonly refusals?: Refusals | null;
  /** What stands before an event's id in its identity; the event as it was sent. */
  readonly scopeOf?: ScopeOf;
}

export interface RunOptions {
  /** Whose rules hold. */
  readonly sender: Sender;
  /** Look for all faults of an event, not for its first alone. */
  readonly allFaults?: boolean;
  /** What stands before an event's id in its identity; the event as it was sent. */
  readonly scopeOf?: (event: Uint8Array) => string;
  /** Further headers of an event's record. */
  readonly headersOf?: (event: Uint8Array) => ReadonlyArray<readonly [string, string]>;
  /** The façade it came to; native if absent. */
  readonly dialect?: AdmittedDialect;
  /** How it came, where its shape does not say it: streams are used over HTTP, too. */
  readonly transport?: "http" | "ws";
  /** The batch is traced, and its records are to say so. */
  readonly trace?: BatchTrace | null;
}

/** Topic of an event whose type has no route. */
const NO_ROUTE = -2;

const NO_REFUSALS: Refusals = new Map();

export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #faults: Faults;
  readonly #permits: Permits;
  readonly #touches: SessionTouches;
  readonly #knownIds: KnownIds;
  readonly #asked: AskedSchemas;
  #inFlight = 0;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#faults = new Faults(parts);
    this.#permits = new Permits(parts.delivery);
    this.#touches = new SessionTouches(parts);
    this.#knownIds = new KnownIds(parts);
    this.#asked = new AskedSchemas(parts);
  }

  /**
   * Events that were received and have no verdict: counted by batch, for the ledger to be held
   * against.
   */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Encodes a frame. One whose events name schemas that are not loaded, whose records hold ids of
   * sessions that have just begun, or whose own ids other processes may know, is not opened at
   * first: the caller keeps a copy of it, awaits `ready` and opens it again with what that gave.
   */
  open(frame: Uint8Array, context: FrameContext, options: OpenOptions = {}): OpenResult {
    const { refusals = null, scopeOf } = options;
    const { codec, observer, clockMs, privacySalt } = this.#parts;
    const startedMs = clockMs();
    const isSalted = privacySalt === undefined || context.privacySalt !== undefined;
    const salted = isSalted ? context : { ...context, privacySalt };
    const result = codec.encode(frame, salted);
    if (result.kind !== "table") return result;
    const { table } = result;
    if (refusals === null) {
      const fetched = this.#asked.fetch(table);
      const agreed = fetched ?? this.#touches.agreement({ table, context });
      const known = this.#knownIds.asked(table, context, scopeOf);
      if (agreed !== null || known !== null) {
        const ready = Promise.all([fetched, agreed, known]);
        return { kind: "waiting", ready: ready.then(([found]) => found ?? NO_REFUSALS) };
      }
    }
    const encodedMs = clockMs();
    observer.encoded(encodedMs - startedMs);
    const { sentAtMs } = result;
    if (Number.isFinite(sentAtMs)) observer.sentBefore(context.receivedAtMs - sentAtMs);
    return new OpenFrame({
      table,
      context,
      seq: result.seq,
      bytes: frame.length,
      startedMs,
      encodedMs,
      refusals: refusals ?? NO_REFUSALS,
      watch: this.#watch,
    });
  }

  /**
   * Hands an open frame over. Rows that the stream has decided before (repeats) are left alone. The
   * listener hears at once of verdicts that are there on return, and later of the others.
   */
  run(frame: OpenFrame, listener: BatchListener, options: RunOptions): void {
    const { batch, table } = frame;
    const { allFaults = false, sender } = options;
    const permit = this.#permits.of(sender);
    // From here on nothing may keep the batch from being answered, at the latest at its deadline.
    batch.listen(listener);
    batch.tenant = sender.policy.tenant;
    batch.context = frame.context;
    batch.startedMs = frame.startedMs;
    const topics = filled(table.count, -1);
    batch.topics = topics;
    batch.claims = this.#knownIds.claimsOf(frame.context, sender);
    let received = 0;
    let produced = 0;
    const budget = allFaults ? { bytesLeft: FAULT_SEARCH_BYTES_MAX } : null;
    for (let row = 0; row < table.count; row += 1) {
      if (batch.verdicts[row] !== VERDICT.ignored) received += 1;
      if (batch.verdicts[row] !== VERDICT.open) continue;
      const topic = this.#topicOf(table, row, permit);
      if (topic === NOT_ALLOWED) {
        this.#reject(frame, row, { fault: this.#notAllowed(table, row), sender });
      } else if (this.#faults.isSound(table, row)) {
        if (!this.#knownIds.claims(batch, row, { table, scopeOf: options.scopeOf })) continue;
        topics[row] = topic;
        this.#touches.touch(frame, row, { batch, batchRow: row, route: this.#route(table, row) });
        produced += 1;
      } else {
        this.#refuse(frame, row, { budget, sender });
      }
    }
    this.#inFlight += batch.openCount;
    batch.openKnown = batch.openCount;
    this.#parts.observer.received({
      dialect: options.dialect ?? "native",
      transport: options.transport ?? (frame.context.shape === "pub" ? "ws" : "http"),
      events: received,
      bytes: frame.bytes,
      tenant: batch.tenant,
    });
    batch.trace = options.trace ?? null;
    batch.trace?.encoded({ startedMs: frame.startedMs, endedMs: frame.encodedMs });
    if (produced > 0) {
      const { delivery } = this.#parts;
      const timestampMs = batch.receivedAtMs;
      const tenant = delivery.tenant(frame.context.tenant);
      const headers = recordHeaders(table, options);
      batch.handedOverMs = frame.encodedMs;
      batch.trace?.handedOver({ records: produced, topic: onlyTopic(topics, this.#parts.routes) });
      const submission = { sink: batch, topics, tenant, timestampMs, indexBase: 0 };
      delivery.submit(table, headers === undefined ? submission : { ...submission, headers });
    }
    if (batch.openCount < batch.count || batch.count === 0) batch.progress();
  }

  /**
   * Hands an open frame over as a part of another one's batch, whose events it follows on their
   * stream: they are answered together. False, and nothing is done: it needs a batch of its own,
   * because an event of it is refused, the batch has its first verdicts, or somebody wants to know
   * of each frame by itself.
   */
  join(frame: OpenFrame, batch: Batch, { sender }: Pick<RunOptions, "sender">): boolean {
    const { table, context } = frame;
    const { tenant } = sender.policy;
    const isPlain = batch.claims === null && batch.trace === null && tenant.dedupeMs === 0;
    if (!isPlain || batch.openCount < batch.count || batch.tenant !== tenant) return false;
    const permit = this.#permits.of(sender);
    const topics: number[] = [];
    for (let row = 0; row < table.count; row += 1) {
      const topic = this.#topicOf(table, row, permit);
      if (topic < 0 || !this.#faults.isSound(table, row)) return false;
      topics.push(topic);
    }
    const indexBase = batch.count;
    batch.grow(topics);
    for (let row = 0; row < table.count; row += 1) {
      const route = this.#route(table, row);
      this.#touches.touch(frame, row, { batch, batchRow: indexBase + row, route });
    }
    this.#inFlight += table.count;
    batch.openKnown = batch.openCount;
    const { delivery, observer } = this.#parts;
    const { bytes } = frame;
    observer.received({ dialect: "native", transport: "ws", events: table.count, bytes, tenant });
    const timestampMs = context.receivedAtMs;
    const shareholder = delivery.tenant(context.tenant);
    delivery.submit(table, { sink: batch, topics, tenant: shareholder, timestampMs, indexBase });
    return true;
  }

  /** NO_ROUTE: the type is unknown, which is a fault of the event's. */
  #topicOf(table: RecordTable, row: number, permit: Permit | null): number {
    const route = this.#route(table, row);
    if (route === undefined) return NO_ROUTE;
    return permit === null ? route.topicNumber : permit.topicOf(route);
  }

  #notAllowed(table: RecordTable, row: number): Fault {
    const type = this.#route(table, row)?.type.type ?? "";
    const detail = `these credentials may not send events of type ${type}`;
    return { code: "type_not_allowed", path: "/type", detail };
  }

  /** What is wrong with the events of an open frame that cannot be handed over. */
  faults(frame: OpenFrame, { allFaults = false, sender }: RunOptions): readonly EventFault[] {
    const { table } = frame;
    const permit = this.#permits.of(sender);
    const budget = allFaults ? { bytesLeft: FAULT_SEARCH_BYTES_MAX } : null;
    const faults: EventFault[] = [];
    for (let row = 0; row < table.count; row += 1) {
      const isAllowed = this.#topicOf(table, row, permit) !== NOT_ALLOWED;
      if (isAllowed && this.#faults.isSound(table, row)) continue;
      const id = this.#idOf(table, row);
      const { fault, more } = isAllowed
        ? this.#describe(frame, row, budget)
        : { fault: this.#notAllowed(table, row), more: {} };
      faults.push({ index: row, ...(id === "" ? {} : { id }), ...fault, ...more });
    }
    return faults;
  }

  #describe(
    { table, refusals }: OpenFrame,
    row: number,
    budget: SearchBudget | null,
  ): { readonly fault: Fault; readonly more: { readonly faults?: readonly Fault[] } } {
    if (budget === null) {
      return { fault: this.#faults.describe(table, row, refusals), more: {} };
    }
    const faults = this.#faults.describeAll(table, row, { refusals, budget });
    const [fault] = faults;
    assert(fault !== undefined, "a refused event has a fault");
    return { fault, more: { faults } };
  }

  #idOf(table: RecordTable, row: number): string {
    return this.#parts.codec.text(table.idStart[row] ?? 0, table.idEnd[row] ?? 0);
  }

  #route(table: RecordTable, row: number) {
    return this.#parts.routes.get(table.route[row] ?? -1);
  }

  readonly #watch: BatchWatch = {
    rowStored: (batch, row) => {
      const slot = batch.sessionSlots?.[row] ?? -1;
      if (slot >= 0) this.#parts.sessions.confirm(slot, 1);
    },
    progressed: (batch) => {
      this.#inFlight += batch.openCount - batch.openKnown;
      batch.openKnown = batch.openCount;
      if (batch.settled && Number.isNaN(batch.settledMs)) this.#settled(batch);
      this.#count(batch);
    },
    retryDetail: (batch, row, code) => {
      if (code !== "destination_unavailable") return OUTCOME_RULES[code].text;
      const topic = this.#parts.routes.topicName(batch.topics[row] ?? -1);
      const advice = "create it, or start with --create-topics";
      return `topic ${topic} is missing or closed to sluice: ${advice}`;
    },
  };

  #settled(batch: Batch): void {
    const { observer, clockMs } = this.#parts;
    batch.settledMs = clockMs();
    const isHandedOver = !Number.isNaN(batch.handedOverMs);
    if (isHandedOver) observer.committed(batch.settledMs - batch.handedOverMs);
    batch.trace?.settled(batch.settledMs, batch.outcome());
    if (observer.recent.isWatched) noteBatch(batch, this.#parts);
  }

  #count(batch: Batch): void {
    const { observer } = this.#parts;
    const tally = batch.takeTally();
    if (batch.tenant !== null) observer.settled(tally, batch.tenant);
    if (tally.deadLettersStored > 0) {
      observer.deadLettersWritten("stored", tally.deadLettersStored);
    }
    if (tally.deadLettersFailed > 0) {
      observer.deadLettersWritten("failed", tally.deadLettersFailed);
    }
  }

  /** Gives a row that was not encoded its verdict, after its dead letter where those are kept. */
  #refuse(
    frame: OpenFrame,
    row: number,
    { budget, sender }: { readonly budget: SearchBudget | null; readonly sender: Sender },
  ): void {
    const { batch } = frame;
    const { fault, more } = this.#describe(frame, row, budget);
    if (fault.code === "schema_invalid" && fault.kind !== undefined) {
      this.#parts.observer.invalid(fault.kind);
    }
    if (!OUTCOME_RULES[fault.code].final) {
      batch.details.set(row, fault.detail);
      batch.decide(row, VERDICT.retry, fault.code);
      return;
    }
    this.#reject(frame, row, { fault, more, sender });
  }

  #reject(
    frame: OpenFrame,
    row: number,
    {
      fault,
      more = {},
      sender,
    }: {
      readonly fault: Fault;
      readonly more?: { readonly faults?: readonly Fault[] };
      readonly sender: Sender;
    },
  ): void {
    const { batch, table } = frame;
    const id = this.#idOf(table, row);
    batch.rejections.set(row, { id, fault, ...more, deadLettered: false });
    const type = this.#route(table, row)?.type.type ?? "";
    this.#parts.observer.recent.refused(refusalOf(frame.context, { type, fault }));
    const kept = this.#parts.deadLetters.keep(frame, { row, id, fault, sender });
    if (kept === "off") batch.decide(row, VERDICT.rejected, fault.code);
    else if (kept === "full") batch.decide(row, VERDICT.retry, "overloaded");
  }
}
