/** Settings → a sink that runs: its rooms in order, and their end in the other. */
import { createHash, createHmac } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { Deduplicator } from "../consumer/deduplicator.ts";
import type { KafkaSecurity } from "../delivery/delivery.ts";
import { GroupReader } from "../delivery/group-reader.ts";
import type { RegistryClient } from "../schema/registry.ts";
import { Database, describeTrouble } from "./database.ts";
import { Erasures } from "./erasures.ts";
import { migrate, type SchemaNames } from "./migrate.ts";
import { People } from "./people.ts";
import { Positions } from "./positions.ts";
import { RecordDecoder } from "./record-decoder.ts";
import { SinkSchemas } from "./schemas.ts";
import { Sink, type SinkEvent } from "./sink.ts";
import { Tables } from "./tables.ts";
import { keepUp, type UpkeepReport } from "./upkeep.ts";
import { Writer } from "./writer.ts";

const DAY_MS = 86_400_000;
const UPKEEP_INTERVAL_MS = 3_600_000;
const KAFKA_CONNECT_TIMEOUT_MS = 15_000;
const MIGRATE_RETRY_MS = 1_000;

export interface SinkSettings {
  readonly brokers: string;
  readonly security: KafkaSecurity | null;
  readonly databaseUrl: string;
  readonly names: SchemaNames;
  readonly group: string;
  readonly topics: readonly string[];
  readonly auditTopic: string;
  readonly sessionTopic: string;
  readonly actorPointers: ReadonlyMap<string, readonly string[]>;
  readonly identifyType: string;
  readonly retentionDays: number;
  readonly lingerMs: number;
  readonly sessionTimeoutMs: number;
  readonly from: "beginning" | "end";
  /** As the gateways have it: by it an erasure's hash is made. */
  readonly privacySalt: string;
}

export interface SinkRun {
  readonly settings: SinkSettings;
  readonly registry: RegistryClient;
  /** Ends it: what was gathered is written first. */
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  readonly onEvent: (event: SinkEvent | UpkeepEvent) => void;
  /** Called once, when the tables are there and the group is being joined. */
  readonly onReady: (observed: ObservedSink) => void;
}

export type UpkeepEvent = { readonly kind: "upkeep"; readonly report: UpkeepReport };

/** What can be looked at from outside while it runs. */
export interface ObservedSink {
  /** Records that wait in Kafka, by topic. */
  lag(topic: string): number;
}

/** Until the signal. Throws ReaderError when Kafka does not answer at the start. */
export async function runSink(run: SinkRun): Promise<void> {
  const { settings, signal, onEvent, nowMs } = run;
  const { names, databaseUrl: url } = settings;
  // A batch holds its connection; where a partition begins is looked up beside it.
  const databases = [0, 1, 2].map(() => new Database({ url, schema: names.own }));
  const [forBatches, forPositions, forUpkeep] = databases;
  if (!forBatches || !forPositions || !forUpkeep) return;
  try {
    if (!(await migrated(forBatches, run))) return;
    const sink = makeSink(run, { batches: forBatches, positions: forPositions });
    const reader = await GroupReader.open({
      ...settings,
      connectTimeoutMs: KAFKA_CONNECT_TIMEOUT_MS,
      startOf: (places) => sink.loop.startOf(places),
      onRevoked: () => sink.loop.drop(),
      onNotice: (detail) => onEvent({ kind: "notice", detail }),
    });
    run.onReady({ lag: (topic) => lagOf({ reader, positions: sink.positions, topic }) });
    const tables = new Tables(forUpkeep, names);
    const { retentionDays } = settings;
    const upkeep = keepUpFor(run, () =>
      keepUp({ database: forUpkeep, tables, names, retentionDays, nowMs }),
    );
    try {
      await sink.loop.run(reader);
    } finally {
      await reader.close();
      if (signal.aborted) await upkeep;
    }
  } finally {
    await Promise.all(databases.map((database) => database.close()));
  }
}

/** False: it was told to end before the database answered. */
async function migrated(
  database: Database,
  { settings, signal, onEvent }: SinkRun,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await migrate(database, settings.names);
      return true;
    } catch (error) {
      onEvent({ kind: "retry", cause: "database", detail: describeTrouble(error) });
      await delay(MIGRATE_RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
  return false;
}

function makeSink(
  { settings, registry, signal, nowMs, onEvent }: SinkRun,
  databases: { readonly batches: Database; readonly positions: Database },
): { readonly loop: Sink; readonly positions: Positions } {
  const { names } = settings;
  const database = databases.batches;
  const tables = new Tables(database, names);
  const deduplicator = new Deduplicator();
  const positions = new Positions(databases.positions, settings.from);
  const hash = personHash(settings.privacySalt);
  const erasures = new Erasures({ database, tables, names, hash });
  const writer = new Writer({ database, tables, erasures, people: new People(database), names });
  const decoder = new RecordDecoder({
    ...settings,
    schemas: new SinkSchemas(registry, nowMs),
    tables,
    deduplicator,
    retentionMs: settings.retentionDays * DAY_MS,
    nowMs,
  });
  const { lingerMs } = settings;
  const parts = { decoder, writer, positions, deduplicator, tables, erasures };
  return { loop: new Sink({ ...parts, lingerMs, signal, onEvent, nowMs }), positions };
}

/** As src/session-desk.ts makes it. */
function personHash(salt: string): (tenant: string, id: string) => string {
  return (tenant, id) => {
    const hash = salt === "" ? createHash("sha256") : createHmac("sha256", salt);
    return hash.update(`${tenant}\0${id}`).digest("hex");
  };
}

async function keepUpFor(
  { signal, onEvent }: SinkRun,
  work: () => Promise<UpkeepReport | null>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const report = await work();
      if (report !== null && report.days + report.rows > 0) onEvent({ kind: "upkeep", report });
    } catch (error) {
      onEvent({ kind: "notice", detail: `upkeep: ${describeTrouble(error)}` });
    }
    await delay(UPKEEP_INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
}

function lagOf(seen: {
  readonly reader: GroupReader;
  readonly positions: Positions;
  readonly topic: string;
}): number {
  const { reader, positions, topic } = seen;
  return positions
    .gathered()
    .filter((place) => place.topic === topic)
    .reduce((sum, { partition, offset }) => {
      return sum + Math.max(0, reader.endOf(topic, partition) - offset);
    }, 0);
}
