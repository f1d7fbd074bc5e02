/** The dashboard of tenants: who sends how much, and who is refused. Data only. */
import { each, rate, type Dashboard } from "./panel.ts";

export const TENANTS: Dashboard = {
  title: "sluice / Tenants",
  panels: [
    {
      title: "Events by tenant",
      description: "The ten busiest.",
      unit: "ops",
      queries: { [`topk(10, ${rate("sluice_tenant_events_total", "tenant")})`]: "{{tenant}}" },
    },
    {
      title: "Rejected by tenant",
      description: "The ten with most.",
      unit: "ops",
      queries: {
        [`topk(10, ${rate("sluice_tenant_events_total", "tenant", ',outcome="rejected"')})`]:
          "{{tenant}}",
      },
    },
    {
      title: "Bytes by tenant",
      description: "The ten with most.",
      unit: "Bps",
      queries: {
        [`topk(10, ${rate("sluice_tenant_received_bytes_total", "tenant")})`]: "{{tenant}}",
      },
    },
    {
      title: "WebSockets by tenant",
      description: "The ten with most.",
      unit: "short",
      queries: { "topk(10, sum by (tenant) (sluice_tenant_connections{SELECT}))": "{{tenant}}" },
    },
    {
      title: "Over a quota",
      description: "Requests answered 429, streams whose credit does not rise.",
      unit: "ops",
      queries: {
        [rate("sluice_quota_reached_total", "scope")]: "{{scope}}",
        [rate("sluice_stream_credit_pauses_total", "reason")]: "credit: {{reason}}",
      },
    },
    {
      title: "Tenants held back",
      description: "That hold more than their fair share of a budget under pressure.",
      unit: "short",
      alarmAt: 1,
      queries: { [each("sluice_tenants_held_back")]: "{{instance}}" },
    },
    {
      title: "Refused at the door",
      description: "HTTP requests without a credential, without a right, or over a limit.",
      unit: "ops",
      queries: {
        [rate("sluice_http_requests_total", "status", ',status=~"401|403|429"')]: "{{status}}",
      },
    },
    {
      title: "Streams closed for it",
      description: "WebSockets closed for a credential, a right, or a limit.",
      unit: "ops",
      queries: {
        [rate("sluice_ws_closed_total", "code", ',code=~"4401|4403|4429"')]: "{{code}}",
      },
    },
    {
      title: "Events of types not allowed",
      description: "Rejected because the source may not send their type.",
      unit: "ops",
      queries: {
        [rate("sluice_events_outcome_total", "code", ',code="type_not_allowed"')]: "{{code}}",
      },
    },
    {
      title: "Tenants file",
      description: "Edits taken and refused in one hour.",
      unit: "short",
      queries: {
        "sum by (result) (increase(sluice_tenants_reloads_total{SELECT}[1h]))": "{{result}}",
      },
    },
    {
      title: "Keys of token issuers",
      description: "Times they were fetched, by result.",
      unit: "ops",
      queries: { [rate("sluice_issuer_fetches_total", "result")]: "{{result}}" },
    },
  ],
};
