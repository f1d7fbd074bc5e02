/**
 * Prometheus, scraping itself and a gateway on its default admin port every second, accepting
 * remote writes. It keeps a day of samples at most.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { answersHttp } from "../readiness.mjs";

const GATEWAY_ADMIN_ADDRESS = "127.0.0.1:9464";

export const prometheus = {
  name: "prometheus",
  summary: `Prometheus, scraping a gateway at ${GATEWAY_ADMIN_ADDRESS}`,
  ports: { http: 19_090 },
  prerequisites: ["prometheus"],
  startTimeoutMs: 90_000,
  stopPatienceMs: 10_000,
  configure: async ({ directory, ports, settings }) => {
    const gateway = settings.scrape ?? GATEWAY_ADMIN_ADDRESS;
    await writeFile(
      join(directory, "prometheus.yml"),
      renderPrometheusConfiguration([gateway, `127.0.0.1:${ports.http}`]),
    );
  },
  processes: ({ directory, ports }) => [
    {
      name: "prometheus",
      program: "prometheus",
      programArguments: [
        `--config.file=${join(directory, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        "--storage.tsdb.retention.time=1d",
        "--storage.tsdb.retention.size=256MB",
        `--web.listen-address=127.0.0.1:${ports.http}`,
        "--web.enable-remote-write-receiver",
        "--web.enable-lifecycle",
      ],
      ports: ["http"],
      isReady: () => answersHttp(`http://127.0.0.1:${ports.http}/-/ready`),
    },
  ],
  addresses: ({ ports }) => ({ url: `http://127.0.0.1:${ports.http}` }),
};

/** @param {readonly string[]} targets host:port of the gateway, then of Prometheus itself */
export function renderPrometheusConfiguration([gateway, itself]) {
  return [
    "global:",
    "  scrape_interval: 1s",
    "  scrape_timeout: 1s",
    "scrape_configs:",
    "  - job_name: sluice",
    "    static_configs:",
    `      - targets: ["${gateway}"]`,
    "  - job_name: prometheus",
    "    static_configs:",
    `      - targets: ["${itself}"]`,
    "",
  ].join("\n");
}
