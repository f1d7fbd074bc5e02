/** The rooms of a gateway → the console: what it shows, and of whom. */
import type { Config } from "./config/options.ts";
import { Console } from "./console/console.ts";
import { History } from "./console/history.ts";
import { lookByWorker } from "./console/looks.ts";
import type { Look } from "./console/looks.ts";
import { mergedNotes } from "./console/notes.ts";
import type { Notes } from "./console/notes.ts";
import { systemClock } from "./lib/clock.ts";
import type { Lifecycle } from "./lifecycle/lifecycle.ts";
import type { RoomParts } from "./rooms.ts";
import type { TypeSchema } from "./schema/type-schema.ts";
import type { Health } from "./telemetry/admin.ts";
import type { ExportedMetric } from "./telemetry/cells.ts";

export interface ConsoleParts extends RoomParts {
  readonly lifecycle: Lifecycle;
  readonly version: string;
}

/** What one process notes for the console. */
export function notesOf(
  { telemetry }: Pick<RoomParts, "telemetry">,
  held: () => readonly TypeSchema[],
): Notes {
  const schemas = held().map(({ type, subject, version, schemaId: id }) => {
    return { type: type.type, subject, version, id };
  });
  return { ...telemetry.recent.look(), schemas };
}

export interface PrimaryConsoleParts {
  readonly config: Pick<Config, "pack">;
  readonly version: string;
  readonly workers: number;
  readonly metrics: () => Promise<readonly ExportedMetric[]>;
  readonly ready: Health["ready"];
  /** Of each worker. */
  readonly notes: () => Promise<readonly Notes[]>;
}

/** The console of all workers; charts begin when it is opened. */
export function makePrimaryConsole(parts: PrimaryConsoleParts): Console {
  const { config, version, workers, metrics, ready } = parts;
  const notes = async () => mergedNotes(await parts.notes());
  const facts = { version, pack: config.pack, workers };
  const startedAtMs = systemClock.nowMs();
  const { nowMs } = systemClock;
  const look = lookByWorker;
  const sources = { metrics, notes, history: null, state: ready, facts, look };
  return new Console({ ...sources, nowMs, startedAtMs });
}

interface ConsoleRooms {
  readonly held: () => readonly TypeSchema[];
  readonly look: Look;
}

export function makeConsole(parts: ConsoleParts, { held, look }: ConsoleRooms): Console {
  const { pack, telemetry, lifecycle, version } = parts;
  const { cells } = telemetry.registry;
  return new Console({
    metrics: () => telemetry.registry.snapshot(),
    notes: async () => notesOf(parts, held),
    look,
    history: new History(
      {
        eventsOutcome: cells.eventsOutcome,
        ackLatency: cells.ackLatency,
        unackedEvents: cells.unackedEvents,
        wsConnections: cells.wsConnections,
        sessionsActive: cells.sessionsActive,
        eventLoopUtilization: cells.eventLoopUtilization,
      },
      systemClock,
    ),
    state: () => lifecycle.health.ready(),
    facts: { version, pack: pack.name, workers: 1 },
    nowMs: systemClock.nowMs,
    startedAtMs: systemClock.nowMs(),
  });
}
