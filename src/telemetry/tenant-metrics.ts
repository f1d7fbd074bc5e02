/** The metrics by tenant. Only what a bill, a quota or a complaint asks for: each costs series. */
import { TENANT_SERIES_MAX } from "../limits/watching.ts";
import { each, type KeyedDeclaration } from "./declaration.ts";
import { VERDICTS } from "./label-sets.ts";

export const TENANT_METRICS = {
  tenantEvents: {
    name: "sluice_tenant_events_total",
    type: "counter",
    help: "Events by tenant and by what their sender was told.",
    labels: ["tenant", "outcome"],
    series: each(VERDICTS),
    tenantsMax: TENANT_SERIES_MAX,
  },
  tenantBytes: {
    name: "sluice_tenant_received_bytes_total",
    type: "counter",
    help: "Bytes of requests and frames with events, inflated, by tenant.",
    labels: ["tenant"],
    tenantsMax: TENANT_SERIES_MAX,
  },
  tenantConnections: {
    name: "sluice_tenant_connections",
    type: "gauge",
    help: "WebSockets by tenant, from their hello on.",
    labels: ["tenant"],
    tenantsMax: TENANT_SERIES_MAX,
  },
} as const satisfies Record<string, KeyedDeclaration>;
