/** Alerts on the sink into PostgreSQL, which is a process, and a job, of its own. */
import type { Alert } from "./alert.ts";

export const SINK_ALERTS: readonly Alert[] = [
  {
    name: "SluiceSinkMissed",
    severity: "page",
    expression: "increase(sluice_sink_missed_records_total[30m]) > 0",
    keeps: "instance",
    holds: "0m",
    summary: "Kafka dropped records before the sink had written them: rows are missing for good",
    dashboard: "sink",
    test: {
      at: "15m",
      bad: [["sluice_sink_missed_records_total", "0x5 40x20"]],
      good: [["sluice_sink_missed_records_total", "40x20"]],
    },
  },
  {
    name: "SluiceSinkStalled",
    severity: "ticket",
    expression:
      "sum by (job, instance) (sluice_sink_lag_records) > 0 and " +
      "sum by (job, instance) (increase(sluice_sink_batches_total[10m])) == 0",
    keeps: "instance",
    holds: "10m",
    summary: "Records wait in Kafka and the sink writes none of them",
    dashboard: "sink",
    test: {
      at: "30m",
      bad: [
        ['sluice_sink_lag_records{topic="t"}', "100+10x40"],
        ["sluice_sink_batches_total", "7x40"],
      ],
      good: [
        ['sluice_sink_lag_records{topic="t"}', "100+10x40"],
        ["sluice_sink_batches_total", "0+1x40"],
      ],
    },
  },
  {
    name: "SluiceSinkBehind",
    severity: "ticket",
    expression:
      "sum by (job, instance) (sluice_sink_lag_records) > 10000 and " +
      "sum by (job, instance) (deriv(sluice_sink_lag_records[30m])) > 0",
    keeps: "instance",
    holds: "30m",
    summary: "The sink writes more slowly than events come; in the end Kafka drops what waits",
    dashboard: "sink",
    test: {
      at: "90m",
      bad: [['sluice_sink_lag_records{topic="t"}', "20000+500x100"]],
      good: [['sluice_sink_lag_records{topic="t"}', "90000-500x100"]],
    },
  },
];
