/**
 * The rule files of Prometheus and their unit tests, made from the alert tables. It knows the form
 * of the files and nothing of what the alerts mean.
 */
import { stringify } from "yaml";

import type { Alert, TestSeries } from "./alert.ts";
import { BACKEND_ALERTS } from "./backend-alerts.ts";
import { CAUSE_ALERTS } from "./cause-alerts.ts";
import { SINK_ALERTS } from "./sink-alerts.ts";
import { BURN_ALERTS, OBJECTIVES, recordName, WINDOWS } from "./objectives.ts";

export const ALERTS: readonly Alert[] = [
  ...BURN_ALERTS,
  ...CAUSE_ALERTS,
  ...BACKEND_ALERTS,
  ...SINK_ALERTS,
];

const OBJECTIVES_FILE = "sluice-objectives.rules.yml";
const CAUSES_FILE = "sluice-causes.rules.yml";

const HEADER = "# Made by scripts/generate.ts from scripts/deploy: do not edit.\n";
const JOB = "sluice";
const INSTANCE = "gateway-1:9464";

const yamlText = (document: object): string =>
  HEADER + stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });

/** Rates that dashboards read as well, cheap to have at hand. */
const RATES = [
  {
    record: "sluice:events_received:rate5m",
    expr: "sum by (job) (rate(sluice_events_received_total[5m]))",
  },
  {
    record: "sluice:events_outcome:rate5m",
    expr: "sum by (job, outcome) (rate(sluice_events_outcome_total[5m]))",
  },
  {
    record: "sluice:ack_latency_seconds:p99_5m",
    expr:
      "histogram_quantile(0.99, " +
      "sum by (job, le) (rate(sluice_ack_latency_seconds_bucket[5m])))",
  },
] as const;

const SHARES = OBJECTIVES.flatMap(({ name, badRate, allRate }) =>
  WINDOWS.map((window) => ({
    record: recordName(window),
    expr: `${badRate} / ${allRate}`.replaceAll("RANGE", window),
    labels: { slo: name },
  })),
);

/** The names that recording rules add to those of the metrics. */
export const RECORDED_NAMES: ReadonlySet<string> = new Set(
  [...RATES, ...SHARES].map(({ record }) => record),
);

/** All PromQL of the rules. */
export const RULE_EXPRESSIONS: readonly string[] = [
  ...[...RATES, ...SHARES].map(({ expr }) => expr),
  ...ALERTS.map(({ expression }) => expression),
];

/** Recording rules, and the alerts on the burn of error budgets that read them. */
export function objectiveRulesText(): string {
  return yamlText({
    groups: [
      { name: "sluice-rates", rules: RATES },
      { name: "sluice-objectives", rules: [...SHARES, ...BURN_ALERTS.map(ruleOf)] },
    ],
  });
}

export function causeRulesText(): string {
  return yamlText({
    groups: [
      { name: "sluice-causes", rules: CAUSE_ALERTS.map(ruleOf) },
      { name: "sluice-backends", rules: BACKEND_ALERTS.map(ruleOf) },
      { name: "sluice-sink", rules: SINK_ALERTS.map(ruleOf) },
    ],
  });
}

/** For `promtool test rules`: each alert fires, and stays quiet. */
export const objectiveTestsText = (): string => testsText(OBJECTIVES_FILE, BURN_ALERTS);

export const causeTestsText = (): string =>
  testsText(CAUSES_FILE, [...CAUSE_ALERTS, ...BACKEND_ALERTS, ...SINK_ALERTS]);

function testsText(ruleFile: string, alerts: readonly Alert[]): string {
  return yamlText({
    rule_files: [ruleFile],
    evaluation_interval: "1m",
    tests: alerts.flatMap((alert) => [
      testOf(alert, { isBad: true }),
      testOf(alert, { isBad: false }),
    ]),
  });
}

function ruleOf(alert: Alert): object {
  return {
    alert: alert.name,
    expr: alert.expression,
    for: alert.holds,
    labels: { severity: alert.severity },
    annotations: annotationsOf(alert),
  };
}

function testOf(alert: Alert, { isBad }: { isBad: boolean }): object {
  const { name, severity, keeps, labels, test } = alert;
  const place = keeps === "job" ? { job: JOB } : { job: JOB, instance: INSTANCE };
  const expected = {
    exp_labels: { ...place, ...labels, severity },
    exp_annotations: annotationsOf(alert),
  };
  return {
    name: `${name} ${isBad ? "fires" : "stays quiet"}`,
    interval: "1m",
    input_series: (isBad ? test.bad : test.good).map(seriesOf),
    alert_rule_test: [{ eval_time: test.at, alertname: name, exp_alerts: isBad ? [expected] : [] }],
  };
}

function seriesOf([series, values]: TestSeries): object {
  const place = `job="${JOB}",instance="${INSTANCE}"`;
  const full = series.endsWith("}") ? `${series.slice(0, -1)},${place}}` : `${series}{${place}}`;
  return { series: full, values };
}

function annotationsOf({ name, summary, dashboard }: Alert): Record<string, string> {
  return {
    summary,
    runbook_url: `docs/runbooks/${name}.md`,
    dashboard_url: `/d/sluice-${dashboard}`,
  };
}
