/** The rooms of a gateway → the console: what it shows, and of whom. */
import { Console } from "./console/console.ts";
import { History } from "./console/history.ts";
import { systemClock } from "./lib/clock.ts";
import type { Lifecycle } from "./lifecycle/lifecycle.ts";
import type { RoomParts } from "./rooms.ts";
import type { TypeSchema } from "./schema/type-schema.ts";

export interface ConsoleParts extends RoomParts {
  readonly lifecycle: Lifecycle;
  readonly version: string;
}

export function makeConsole(parts: ConsoleParts, held: () => readonly TypeSchema[]): Console {
  const { config, pack, telemetry, lifecycle, version } = parts;
  const { cells } = telemetry.registry;
  return new Console(
    {
      metrics: () => telemetry.registry.snapshot(),
      schemas: () =>
        held().map(({ type, subject, version: number, schemaId }) => ({
          type: type.type,
          subject,
          version: number,
          id: schemaId,
        })),
      recent: telemetry.recent,
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
    },
    { adminHost: config.adminHost },
  );
}
