/** The rooms of a gateway → its admin port: health, metrics, schemas, and the console. */
import { makeConsole } from "./console-page.ts";
import type { ConsoleParts } from "./console-page.ts";
import { CONSOLE_PATH } from "./console/console.ts";
import type { Look } from "./console/looks.ts";
import { handleRegistryRequest, REGISTRY_PREFIXES } from "./schema/registry-routes.ts";
import type { HeldSchemas } from "./schema/registry-routes.ts";
import type { TypeSchema } from "./schema/type-schema.ts";
import { createAdminServer } from "./telemetry/admin.ts";
import type { AdminServer } from "./telemetry/admin.ts";
import type { BatchTracer } from "./tracing/tracer.ts";

interface AdminRooms {
  /** Metrics name traces only where there are any. */
  readonly tracer: BatchTracer | null;
  readonly schemas: {
    /** Of the pack's types. */
    readonly own: () => readonly TypeSchema[];
    /** And those of sluice's own topics. */
    readonly all: HeldSchemas["held"];
  };
  readonly look: Look;
}

export function makeAdminPort(
  parts: ConsoleParts,
  { tracer, schemas, look }: AdminRooms,
): AdminServer {
  const { config, telemetry, lifecycle } = parts;
  const { registry } = telemetry;
  const page = makeConsole(parts, { held: schemas.own, look });
  const admin = createAdminServer({
    host: config.adminHost,
    port: config.adminPort,
    names: config.adminNames,
    health: lifecycle.health,
    metrics: () => registry.text(),
    ...(tracer === null ? {} : { openMetrics: () => registry.openMetricsText() }),
    log: telemetry.log,
  });
  admin.addRoute({ prefix: CONSOLE_PATH, answer: page.answer });
  for (const prefix of REGISTRY_PREFIXES) {
    const answer = ({ path }: { readonly path: string }) =>
      handleRegistryRequest({ held: schemas.all }, path) ?? null;
    admin.addRoute({ prefix, answer });
  }
  lifecycle.onDrain("admin", () => page.stop());
  return admin;
}
