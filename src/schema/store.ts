/**
 * The schema of each event type, kept current while sluice runs. The registry's latest version of a
 * type's subject wins over the file in the pack; a version that cannot be used is refused and the
 * last good one stays, in memory and on disk, whatever the registry does. Without a registry
 * (embedded) the pack's files are the schemas. It does not know what a schema is used for.
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path";

import { SCHEMA_REFRESH_PARALLEL, SCHEMA_RETRY_MS, SCHEMA_START_MS } from "../limits/schemas.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import type { Pack, PackType } from "./pack.ts";
import type { RegistryClient, RegistryFailure, RegistryVersion } from "./registry.ts";
import { type Resolution, SchemaResolver } from "./resolver.ts";
import { readSnapshot, type SnapshotEntry, type SnapshotScope, writeSnapshot } from "./snapshot.ts";
import {
  type AcceptSchema,
  type NumberedSchema,
  readTypeSchema,
  type SchemaFault,
  type TypeSchema,
  unavailable,
  unknown,
} from "./type-schema.ts";

// What the store hands out belongs to its interface, so it is met under the same address.
export type { Resolution, SchemaFault, TypeSchema };

/** What happened, for logs and metrics; `failed` may come at each refresh, the others once. */
export type SchemaStoreEvent =
  | { readonly kind: "fetched"; readonly subject: string }
  | { readonly kind: "failed"; readonly subject: string; readonly detail: string }
  | ({ readonly kind: "loaded" | "new-version" | "from-snapshot" | "registered" } & SubjectVersion)
  | ({ readonly kind: "refused-version"; readonly detail: string } & SubjectVersion)
  | { readonly kind: "unregistered"; readonly subject: string; readonly detail: string }
  | { readonly kind: "snapshot-failed"; readonly detail: string };

interface SubjectVersion {
  readonly subject: string;
  readonly schemaId: number;
  readonly version: number;
}

export interface SchemaStoreOptions {
  readonly pack: Pack;
  /** null: embedded, the pack's files are the schemas. The store closes it when it stops. */
  readonly registry: RegistryClient | null;
  /** Directory of the snapshot file; made when it is needed. */
  readonly snapshotDirectory: string;
  readonly refreshMs: number;
  /** Register the pack's schemas whose subjects are not there. */
  readonly register: boolean;
  readonly accept?: AcceptSchema;
  /** Without a registry: the number of the first schema, for stores side by side. */
  readonly firstId?: number;
  readonly clock?: Clock;
  readonly onEvent: (event: SchemaStoreEvent) => void;
}

/** One subject; all its types have the same schema file. */
interface Subject {
  readonly name: string;
  readonly types: readonly PackType[];
  /** By type; empty or all of them. */
  loaded: ReadonlyMap<string, TypeSchema>;
  fault: SchemaFault;
  isFromRegistry: boolean;
  isUnregistered: boolean;
  /** The version that was refused last, so that it is reported once. */
  refused: string;
  confirmedAtMs: number;
}

export class SchemaStore {
  readonly #options: SchemaStoreOptions;
  readonly #clock: Clock;
  readonly #subjects = new Map<string, Subject>();
  readonly #resolver: SchemaResolver;
  readonly #listeners: ((schema: TypeSchema) => void)[] = [];
  #snapshot: ReadonlyMap<string, SnapshotEntry> = new Map();
  #isSnapshotDue = false;
  #cancelRefresh: () => void = () => undefined;
  #round: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SchemaStoreOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    const { registry } = options;
    const accept = this.#accept;
    this.#resolver = new SchemaResolver({ registry, accept, clock: this.#clock });
    for (const type of options.pack.types.values()) {
      const types = [...(this.#subjects.get(type.subject)?.types ?? []), type];
      this.#subjects.set(type.subject, {
        name: type.subject,
        types,
        loaded: new Map(),
        fault: unavailable("the schema is not loaded yet"),
        isFromRegistry: false,
        isUnregistered: false,
        refused: "",
        confirmedAtMs: Number.NEGATIVE_INFINITY,
      });
    }
  }

  /**
   * Resolves when every type was tried once, or after 3 s: a registry that is down or silent is no
   * reason to reject or to wait; it is tried again in the background.
   */
  async start(): Promise<void> {
    const { registry } = this.#options;
    if (registry === null) {
      this.#loadPack();
      return;
    }
    const read = await readSnapshot(this.#snapshotScope(registry));
    if (read.kind === "entries") this.#snapshot = read.entries;
    if (read.kind === "damaged") {
      this.#options.onEvent({ kind: "snapshot-failed", detail: read.detail });
    }
    const round = this.#refresh(registry);
    await this.#orLate(round);
    for (const subject of this.#subjects.values()) this.#fallBack(subject);
  }

  /** Calls back at once and in order: for the first schema of a type and for each later one. */
  onChange(listener: (schema: TypeSchema) => void): void {
    this.#listeners.push(listener);
  }

  /** The type's own schema. */
  current(type: string): TypeSchema | undefined {
    return this.#subjectOf(type)?.loaded.get(type);
  }

  /** The types that have no schema, each with the reason as one sentence. */
  missing(): ReadonlyMap<string, string> {
    const missing = new Map<string, string>();
    for (const { types, loaded, fault } of this.#subjects.values()) {
      for (const { type } of loaded.size === 0 ? types : []) missing.set(type, fault.detail);
    }
    return missing;
  }

  /** Why the type has no schema; undefined: it has one. */
  fault(type: string): SchemaFault | undefined {
    const subject = this.#subjectOf(type);
    if (subject === undefined) return unknown(`the pack has no type "${type}"`);
    return subject.loaded.size === 0 ? subject.fault : undefined;
  }

  /** The schema an event of this type names for itself; within 2 s, never rejects. */
  async resolve(typeName: string, ref: string): Promise<Resolution> {
    const type = this.#options.pack.types.get(typeName);
    if (type === undefined) return unknown(`the pack has no type "${typeName}"`);
    const current = this.current(typeName) ?? this.fault(typeName);
    assert(current !== undefined, "a type has a schema or a reason why not");
    return this.#resolver.resolve(type, ref, current);
  }

  /** The schemas in use, one per subject. */
  held(): readonly TypeSchema[] {
    return [...this.#subjects.values()].flatMap(({ loaded }) => [...loaded.values()].slice(0, 1));
  }

  /** The text of a schema in use. */
  byId(id: number): string | undefined {
    return this.held().find(({ schemaId }) => schemaId === id)?.text;
  }

  /** Time since the registry last confirmed every schema; undefined: never, or embedded. */
  confirmedAgeMs(): number | undefined {
    const confirmed = [...this.#subjects.values()].map(({ confirmedAtMs }) => confirmedAtMs);
    const oldestMs = Math.min(...confirmed);
    return Number.isFinite(oldestMs) ? this.#clock.monotonicMs() - oldestMs : undefined;
  }

  /** Ends refreshing; what was loaded stays. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRefresh();
    this.#options.registry?.close();
    await this.#round;
  }

  readonly #accept: AcceptSchema = (schema) => this.#options.accept?.(schema);

  #subjectOf(type: string): Subject | undefined {
    const subject = this.#options.pack.types.get(type)?.subject;
    return subject === undefined ? undefined : this.#subjects.get(subject);
  }

  /** Embedded: one number per schema text, in the order of the types; version 1 of its subject. */
  #loadPack(): void {
    const ids = new Map<string, number>();
    const firstId = this.#options.firstId ?? 1;
    for (const subject of this.#subjects.values()) {
      const text = textOf(subject);
      const schemaId = ids.get(text) ?? ids.size + firstId;
      ids.set(text, schemaId);
      this.#load(subject, { schemaId, version: 1, text, references: [] }, "loaded");
    }
  }

  #refresh(registry: RegistryClient): Promise<void> {
    this.#round = this.#refreshAll(registry).finally(() => this.#schedule(registry));
    return this.#round;
  }

  #orLate(round: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const cancel = this.#clock.after(SCHEMA_START_MS, () => late.resolve());
    return Promise.race([round, late.promise]).finally(cancel);
  }

  #schedule(registry: RegistryClient): void {
    if (this.#isStopped) return;
    const { refreshMs } = this.#options;
    const isTroubled = [...this.#subjects.values()].some(
      ({ loaded, fault }) => loaded.size === 0 && fault.code === "registry_unavailable",
    );
    const periodMs = isTroubled ? Math.min(refreshMs, SCHEMA_RETRY_MS) : refreshMs;
    // Many processes that started together shall not ask together for ever.
    const delayMs = periodMs * (0.8 + 0.4 * this.#clock.random());
    this.#cancelRefresh = this.#clock.after(delayMs, () => void this.#refresh(registry));
  }

  async #refreshAll(registry: RegistryClient): Promise<void> {
    const waiting = this.#subjects.values();
    const work = async (): Promise<void> => {
      for (const subject of waiting) {
        if (this.#isStopped) return;
        await this.#refreshSubject(registry, subject);
      }
    };
    await Promise.all(Array.from({ length: SCHEMA_REFRESH_PARALLEL }, work));
    if (this.#isSnapshotDue) await this.#saveSnapshot(registry);
  }

  async #saveSnapshot(registry: RegistryClient): Promise<void> {
    this.#isSnapshotDue = false;
    // What was saved for a subject that has no schema now may still be of use.
    const entries = new Map([...this.#snapshot].filter(([subject]) => this.#subjects.has(subject)));
    for (const { subject, schemaId, version, text, references } of this.held()) {
      entries.set(subject, { subject, schemaId, version, text, references });
    }
    const problem = await writeSnapshot(this.#snapshotScope(registry), [...entries.values()]);
    if (problem === undefined) return;
    this.#isSnapshotDue = true;
    this.#options.onEvent({ kind: "snapshot-failed", detail: problem });
  }

  async #refreshSubject(registry: RegistryClient, subject: Subject): Promise<void> {
    const latest = await registry.latest(subject.name);
    if (this.#isStopped) return;
    if (latest.kind === "found") {
      this.#take(registry, subject, latest.value);
    } else if (latest.kind === "missing") {
      await this.#missed(registry, subject);
    } else {
      this.#failed(subject, latest);
    }
  }

  /** The registry has a latest version: take it unless it is the one in use or cannot be used. */
  #take(registry: RegistryClient, subject: Subject, latest: RegistryVersion): void {
    this.#options.onEvent({ kind: "fetched", subject: subject.name });
    subject.isUnregistered = false;
    subject.confirmedAtMs = this.#clock.monotonicMs();
    const [inUse] = subject.loaded.values();
    if (inUse !== undefined && inUse.schemaId === latest.id && inUse.text === latest.text) {
      subject.isFromRegistry = true;
      return;
    }
    // Numbers that were given out a second time tell of a registry that lost its data.
    if (inUse !== undefined && latest.version <= inUse.version) this.#forget(registry);
    const { id: schemaId, version, text, references } = latest;
    const kind = inUse === undefined ? "loaded" : "new-version";
    if (!this.#load(subject, { schemaId, version, text, references }, kind)) {
      this.#fallBack(subject);
      return;
    }
    subject.isFromRegistry = true;
    this.#isSnapshotDue = true;
  }

  /** The registry says that it does not have the subject. */
  async #missed(registry: RegistryClient, subject: Subject): Promise<void> {
    const { onEvent } = this.#options;
    onEvent({ kind: "fetched", subject: subject.name });
    subject.confirmedAtMs = this.#clock.monotonicMs();
    if (subject.isFromRegistry) this.#forget(registry);
    subject.isFromRegistry = false;
    const reason = this.#options.register
      ? await this.#register(registry, subject)
      : unknown(this.#unregisteredText(registry, subject));
    if (reason === undefined) return;
    subject.fault = reason;
    // The last good schema keeps serving: refusing events would lose them, and whoever restores the
    // registry's data makes them readable again.
    this.#fallBack(subject);
    if (subject.isUnregistered) return;
    subject.isUnregistered = true;
    onEvent({ kind: "unregistered", subject: subject.name, detail: reason.detail });
  }

  async #register(registry: RegistryClient, subject: Subject): Promise<SchemaFault | undefined> {
    const [inUse] = subject.loaded.values();
    const registered = await registry.registerFirst(subject.name, inUse?.text ?? textOf(subject));
    const latest = registered.kind === "found" ? await registry.latest(subject.name) : registered;
    if (latest.kind !== "found") {
      return unavailable(
        `The schema of the subject "${subject.name}" could not be registered at ` +
          `${registry.addresses.join(", ")}: ${latest.detail}.`,
      );
    }
    const { id: schemaId, version } = latest.value;
    this.#options.onEvent({ kind: "registered", subject: subject.name, schemaId, version });
    this.#take(registry, subject, latest.value);
    return undefined;
  }

  #failed(subject: Subject, failure: RegistryFailure): void {
    const { registry, onEvent } = this.#options;
    const address = registry?.addresses.join(", ") ?? "";
    subject.fault = unavailable(
      `The registry ${address} gives no schema for the subject "${subject.name}": ` +
        `${failure.detail}.`,
    );
    onEvent({ kind: "failed", subject: subject.name, detail: subject.fault.detail });
    this.#fallBack(subject);
  }

  /** Without a schema in use, the one that was saved is taken. */
  #fallBack(subject: Subject): void {
    const saved = this.#snapshot.get(subject.name);
    if (subject.loaded.size > 0 || saved === undefined) return;
    const { fault } = subject;
    if (!this.#load(subject, saved, "from-snapshot")) subject.fault = fault;
  }

  /** Puts a schema into use for all types of the subject, if each can use it. */
  #load(
    subject: Subject,
    numbered: NumberedSchema,
    kind: "loaded" | "new-version" | "from-snapshot",
  ): boolean {
    const { schemaId, version } = numbered;
    const loaded = new Map<string, TypeSchema>();
    for (const type of subject.types) {
      const schema = readTypeSchema(type, numbered, this.#accept);
      if (typeof schema !== "string") {
        loaded.set(type.type, schema);
        continue;
      }
      const number = `${schemaId} (version ${version})`;
      const detail = `The schema ${number} of "${subject.name}" cannot be used: ${schema}.`;
      subject.fault = unavailable(detail);
      const refused = JSON.stringify([schemaId, version]);
      if (subject.refused !== refused) {
        subject.refused = refused;
        const at = { subject: subject.name, schemaId, version };
        this.#options.onEvent({ kind: "refused-version", ...at, detail });
      }
      return false;
    }
    subject.loaded = loaded;
    this.#options.onEvent({ kind, subject: subject.name, schemaId, version });
    for (const schema of loaded.values()) {
      for (const listener of this.#listeners) listener(schema);
    }
    return true;
  }

  #forget(registry: RegistryClient): void {
    registry.forget();
    this.#resolver.forget();
  }

  #unregisteredText(registry: RegistryClient, { name, types }: Subject): string {
    const file = relative("", join(this.#options.pack.directory, types[0]?.schemaFile ?? ""));
    const [address = ""] = registry.addresses;
    return (
      `The registry ${address} has no subject "${name}"; register it with: ` +
      `./sluice schema register ${file} --subject ${name} --registry ${address}`
    );
  }

  #snapshotScope(registry: RegistryClient): SnapshotScope {
    const { snapshotDirectory: directory, pack } = this.#options;
    return { directory, registry: registry.addresses, pack: pack.name };
  }
}

function textOf({ types }: Subject): string {
  const [first] = types;
  assert(first !== undefined, "a subject is there because a type has it");
  return first.schemaText;
}
