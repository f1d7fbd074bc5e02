/**
 * Kafka record → the rows it becomes. Whatever a record holds the answer is a row: one that cannot
 * be read becomes a dead letter with its bytes, and never stops those behind it. It reads no Kafka
 * and writes no database.
 */
import { createHash } from "node:crypto";

import { headerOf, isCanary, REPLAY_HEADER, type SluiceHeader } from "../consumer/header.ts";
import type { Deduplicator } from "../consumer/deduplicator.ts";
import type { KafkaRecord } from "../delivery/reader.ts";
import type { AvroRecord } from "../schema/avro/schema.ts";
import { decodeFields, decodeToJson, splitRegistryValue } from "../schema/decode.ts";
import {
  NULL_CELL,
  storableJson,
  storableText,
  textCell,
  timestampCell,
  UnfitValue,
} from "./cells.ts";
import { gatewayLetter, poisonLetter } from "./letters.ts";
import { PersonFinder } from "./person-finder.ts";
import type { AuditRow, EventRow, SessionRow, SinkRow } from "./record-kinds.ts";
import { readAudit } from "./audit-record.ts";
import type { SinkSchemas } from "./schemas.ts";
import { dayOf, type TablePlan, type Tables } from "./tables.ts";

const DAY_MS = 86_400_000;
/** A receipt further in the future is a clock gone wrong. */
const AHEAD_MS_MAX = 2 * DAY_MS;
const LETTERS_SUFFIX = ".dlq";

export interface RecordDecoderParts {
  readonly schemas: SinkSchemas;
  readonly tables: Tables;
  readonly deduplicator: Deduplicator;
  /** JSON pointers to who an event's session belongs to, by type; "": of any other type. */
  readonly actorPointers: ReadonlyMap<string, readonly string[]>;
  readonly identifyType: string;
  readonly auditTopic: string;
  readonly sessionTopic: string;
  readonly retentionMs: number;
  readonly nowMs: () => number;
}

interface Envelope {
  readonly record: KafkaRecord;
  readonly header: SluiceHeader | null;
  readonly receivedAtMs: number;
}

export class RecordDecoder {
  readonly #parts: RecordDecoderParts;
  readonly #finders = new Map<TablePlan, PersonFinder>();

  constructor(parts: RecordDecoderParts) {
    this.#parts = parts;
  }

  /**
   * The row of a record, which is then remembered: ask in the order of each partition, once for
   * each record. Undefined: nothing is known of its schema or its table; `prepare` it, and ask
   * again.
   */
  decode(record: KafkaRecord): SinkRow | undefined {
    const { auditTopic } = this.#parts;
    const { value } = record;
    if (value === null) return { kind: "skipped", why: "empty" };
    if (isCanary(record.headers)) return { kind: "skipped", why: "canary" };
    if (record.topic === auditTopic) return this.#audit(record, value);
    const header = headerOf(record.headers);
    const envelope = { record, header, receivedAtMs: this.#receivedAt(record, header) };
    const { receivedAtMs } = envelope;
    if (receivedAtMs < this.#parts.nowMs() - this.#parts.retentionMs) {
      return { kind: "skipped", why: "expired" };
    }
    if (record.topic.endsWith(LETTERS_SUFFIX)) return gatewayLetter(record, receivedAtMs);
    return this.#avro(envelope, value);
  }

  /**
   * Asks the registry for a record's schema, and makes its table. Throws RegistryAway, and what the
   * database throws.
   */
  async prepare(record: KafkaRecord): Promise<void> {
    const split = record.value === null ? undefined : splitRegistryValue(record.value);
    if (split?.kind !== "avro") return;
    const { schemas, tables, sessionTopic } = this.#parts;
    if (schemas.known(split.schemaId) === undefined) await schemas.load(split.schemaId);
    const found = schemas.known(split.schemaId);
    if (found?.kind !== "schema" || record.topic === sessionTopic) return;
    const wanted = {
      type: typeOf(headerOf(record.headers), found.schema),
      schemaId: split.schemaId,
    };
    if (tables.known(wanted.type, wanted.schemaId) === undefined) {
      await tables.prepare(wanted, found.schema);
    }
  }

  #avro(envelope: Envelope, value: Uint8Array): SinkRow | undefined {
    const { record, receivedAtMs, header } = envelope;
    const poison = (code: string, detail: string): SinkRow =>
      poisonLetter(record, { code, detail, receivedAtMs, header });
    const split = splitRegistryValue(value);
    if (split.kind === "other") return poison("not_avro", split.reason);
    const found = this.#parts.schemas.known(split.schemaId);
    if (found === undefined) return undefined;
    if (found.kind === "unusable") return poison("schema_unknown", found.reason);
    if (record.topic === this.#parts.sessionTopic) {
      const session = readSession(found.schema, split.body);
      return session ?? poison("not_a_session", `this is no session but ${found.schema.name}`);
    }
    const plan = this.#parts.tables.known(typeOf(header, found.schema), split.schemaId);
    if (plan === undefined) return undefined;
    if (this.#isDouble(record)) return { kind: "skipped", why: "duplicate" };
    try {
      return this.#event({ ...envelope, schemaId: split.schemaId }, found.schema, {
        plan,
        body: split.body,
      });
    } catch (error) {
      if (!(error instanceof UnfitValue)) throw error;
      return poison("unfit", error.message);
    }
  }

  #isDouble({ topic, partition, headers }: KafkaRecord): boolean {
    return this.#parts.deduplicator.decide({ topic, partition, headers }).verdict === "duplicate";
  }

  #event(
    { record, header, receivedAtMs, schemaId }: Envelope & { readonly schemaId: number },
    schema: AvroRecord,
    { plan, body }: { readonly plan: TablePlan; readonly body: Uint8Array },
  ): EventRow {
    const decoded = decodeFields(schema, body);
    if (decoded.kind === "fault") throw new UnfitValue(decoded.detail);
    const { texts } = decoded;
    const { actor, user } = this.#finder(plan, schema).find(texts);
    const tenant = header?.tenant ?? "";
    const eventTimeMs = header?.eventTimeMs ?? record.timestampMs;
    const meta = [
      optional(header?.id),
      textCell(tenant),
      optional(header?.source),
      optional(header?.session),
      optional(actor),
      optional(user),
      timeOf(receivedAtMs),
      timeOf(eventTimeMs),
      String(header?.flags.includes("replay") === true || hasReplayHeader(record)),
      optional(keyText(record.key)),
      textCell(record.topic),
      String(record.partition),
      String(record.offset),
      String(schemaId),
    ];
    const cells = texts.map((text, index) =>
      text === "null" ? NULL_CELL : (plan.rules[index]?.cell(text) ?? NULL_CELL),
    );
    const isIdentify = plan.type === this.#parts.identifyType;
    const traitsAt = isIdentify ? schema.fields.findIndex(({ name }) => name === "traits") : -1;
    return {
      kind: "event",
      key: identityOf(record, header),
      day: dayOf(receivedAtMs),
      plan,
      line: `${[...meta, ...cells].join("\t")}\n`,
      receivedAtMs,
      eventTimeMs,
      tenant,
      actor,
      user,
      traits: isIdentify ? objectText(texts[traitsAt]) : undefined,
      record,
    };
  }

  #finder(plan: TablePlan, schema: AvroRecord): PersonFinder {
    const known = this.#finders.get(plan);
    if (known !== undefined) return known;
    const pointers = this.#parts.actorPointers;
    const finder = new PersonFinder(schema, pointers.get(plan.type) ?? pointers.get("") ?? []);
    this.#finders.set(plan, finder);
    return finder;
  }

  #audit(record: KafkaRecord, value: Uint8Array): SinkRow {
    const row: AuditRow | undefined = readAudit(record, value);
    if (row !== undefined) return row;
    const receivedAtMs = this.#receivedAt(record, null);
    return poisonLetter(record, {
      code: "not_audit",
      detail: "this is no audit record",
      receivedAtMs,
      header: null,
    });
  }

  /** By the gateway's clock, else by Kafka's; a time that cannot be is now. */
  #receivedAt(record: KafkaRecord, header: SluiceHeader | null): number {
    const nowMs = this.#parts.nowMs();
    const isSound = (ms: number): boolean => ms > 0 && ms < nowMs + AHEAD_MS_MAX;
    return [header?.receivedAtMs ?? -1, record.timestampMs].find(isSound) ?? nowMs;
  }
}

/** What `sluice replay` has written; the gateway's own flag stands for redriven ones. */
function hasReplayHeader({ headers }: KafkaRecord): boolean {
  return headers.some(([name]) => name === REPLAY_HEADER);
}

/**
 * What makes two records the same event: tenant, source, type and id; for an event without an id
 * its number in its stream; else its place in Kafka.
 */
function identityOf(record: KafkaRecord, header: SluiceHeader | null): string {
  const { tenant = null, source = null, type = null, id = null } = header ?? {};
  const parts =
    id !== null
      ? ["id", tenant, source, type, id]
      : header?.stream !== undefined && header.stream !== null
        ? ["seq", header.stream, header.seq]
        : ["place", record.topic, record.partition, record.offset];
  const hex = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  return [8, 4, 4, 4, 12]
    .reduce<{ at: number; words: string[] }>(
      ({ at, words }, length) => ({
        at: at + length,
        words: [...words, hex.slice(at, at + length)],
      }),
      { at: 0, words: [] },
    )
    .words.join("-");
}

function readSession(schema: AvroRecord, body: Uint8Array): SessionRow | undefined {
  const isEnd = schema.name === "sluice.sessions.SessionEnded";
  if (!isEnd && schema.name !== "sluice.sessions.SessionStarted") return undefined;
  const decoded = decodeToJson(schema, body);
  if (decoded.kind === "fault") return undefined;
  // Its members are those of src/session/schemas: sluice alone writes this topic.
  const said = JSON.parse(decoded.text) as {
    readonly sessionId: string;
    readonly tenant: string;
    readonly source: string;
    readonly actor: string;
    readonly userId?: string | null;
    readonly startedAt: number;
    readonly endedAt?: number;
    readonly durationMs?: number;
    readonly events?: number;
    readonly entry?: string;
    readonly exit?: string;
    readonly reason?: string;
    readonly revision?: number;
  };
  return {
    kind: "session",
    tenant: said.tenant,
    source: said.source,
    sessionId: storableText(said.sessionId),
    actor: storableText(said.actor),
    user: storableText(said.userId ?? ""),
    startedAtMs: said.startedAt,
    endedAtMs: said.endedAt ?? null,
    durationMs: said.durationMs ?? null,
    events: said.events ?? 0,
    entry: said.entry ?? null,
    exit: said.exit ?? null,
    reason: said.reason ?? null,
    revision: isEnd ? (said.revision ?? 0) : -1,
  };
}

/** What the gateway called it; else the name of the schema without its namespace. */
function typeOf(header: SluiceHeader | null, { name }: AvroRecord): string {
  return header?.type ?? name.slice(name.lastIndexOf(".") + 1);
}

function optional(text: string | null | undefined): string {
  return text === undefined || text === null || text === "" ? NULL_CELL : textCell(text);
}

function timeOf(ms: number): string {
  return `${timestampCell(String(ms), 1n)}Z`;
}

const UTF8 = new TextDecoder();

function keyText(key: Uint8Array | null): string | null {
  return key === null ? null : UTF8.decode(key);
}

/** JSON text of an object, else `{}`: traits are text that a client wrote. */
function objectText(json: string | undefined): string {
  if (json === undefined) return "{}";
  const value: unknown = JSON.parse(json);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? storableJson(json)
    : "{}";
}
