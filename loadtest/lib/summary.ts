/** What a load test says at its end: for people on the terminal, for programs as a file. */
import { judgeClients, reconcile } from "./ledger.ts";
import { clientNumbers, gatewayNumbers } from "./meters.ts";
import type { Settings } from "./settings.ts";

/** The members of k6's summary that are read here. */
export interface K6Summary {
  readonly metrics: Readonly<
    Record<
      string,
      {
        readonly type: string;
        readonly contains: string;
        readonly values: Readonly<Record<string, number>>;
        readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
      }
    >
  >;
  readonly state: { readonly testRunDurationMs: number };
}

export function summarize(summary: K6Summary, settings: Settings): Record<string, string> {
  const clients = clientNumbers(summary.metrics);
  const gateway = gatewayNumbers(summary.metrics);
  const complaints = [
    ...judgeClients(clients),
    ...(gateway === null ? [] : reconcile(clients, gateway, settings)),
  ];
  const thresholds = Object.entries(summary.metrics).flatMap(([metric, { thresholds: all = {} }]) =>
    Object.entries(all).map(([rule, { ok }]) => ({ metric, rule, ok })),
  );
  const report = {
    scenario: settings.name,
    url: settings.url,
    durationMs: summary.state.testRunDurationMs,
    clients,
    gateway,
    complaints,
    thresholds,
    metrics: summary.metrics,
  };
  if (settings.summaryFile !== null) return { [settings.summaryFile]: JSON.stringify(report) };
  return { stdout: `${render(report)}\n` };
}

interface Report {
  readonly scenario: string;
  readonly clients: object;
  readonly gateway: object | null;
  readonly complaints: readonly string[];
  readonly thresholds: ReadonlyArray<{ metric: string; rule: string; ok: boolean }>;
}

function render({ scenario, clients, gateway, complaints, thresholds }: Report): string {
  const counts = Object.entries(clients).map(([name, value]) => `  ${name}: ${String(value)}`);
  const ledger = gateway === null ? "not read (LOAD_ADMIN_URL)" : JSON.stringify(gateway);
  return [
    `\n${scenario}: the clients counted`,
    ...counts,
    `the gateway's ledger: ${ledger}`,
    ...thresholds.map(({ metric, rule, ok }) => `${ok ? "✓" : "✗"} ${metric} ${rule}`),
    ...complaints.map((complaint) => `✗ ${complaint}`),
  ].join("\n");
}
