/**
 * Files that are made from a table in the sources: `npm run generate` writes them, and with --check
 * says whether each is as its table has it now.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { tenantsSchemaText } from "../src/admission/tenants-schema.ts";
import { configurationReference } from "../src/config/reference.ts";
import { asyncapiDocument } from "../src/protocol/documents/asyncapi.ts";
import { openapiDocument } from "../src/protocol/documents/openapi.ts";
import { metricsReference } from "../src/telemetry/reference.ts";
import { DASHBOARDS } from "./deploy/dashboards.ts";
import { dashboardText } from "./deploy/grafana.ts";
import {
  causeRulesText,
  causeTestsText,
  objectiveRulesText,
  objectiveTestsText,
} from "./deploy/rules.ts";
import { generateAbi } from "./gen-abi.mjs";
import { guaranteesPage } from "./guarantees/page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const GENERATED_FILES: Readonly<Record<string, () => string>> = {
  "src/codec/abi.gen.ts": () => generateAbi(read("assembly/abi.ts")),
  "docs/configuration.md": configurationReference,
  "docs/metrics.md": metricsReference,
  "docs/openapi.json": () => jsonText(openapiDocument()),
  "docs/asyncapi.json": () => jsonText(asyncapiDocument()),
  "docs/tenants.schema.json": tenantsSchemaText,
  "deploy/prometheus/sluice-causes.rules.yml": causeRulesText,
  "deploy/prometheus/sluice-causes.test.yml": causeTestsText,
  "deploy/prometheus/sluice-objectives.rules.yml": objectiveRulesText,
  "deploy/prometheus/sluice-objectives.test.yml": objectiveTestsText,
  "deploy/grafana/dashboards/sluice-overview.json": () => dashboardOf("overview"),
  "deploy/grafana/dashboards/sluice-delivery.json": () => dashboardOf("delivery"),
  "deploy/grafana/dashboards/sluice-streams.json": () => dashboardOf("streams"),
  "deploy/grafana/dashboards/sluice-codec.json": () => dashboardOf("codec"),
  "deploy/grafana/dashboards/sluice-sessions.json": () => dashboardOf("sessions"),
  "deploy/grafana/dashboards/sluice-backends.json": () => dashboardOf("backends"),
  "deploy/grafana/dashboards/sluice-tenants.json": () => dashboardOf("tenants"),
  "deploy/grafana/dashboards/sluice-live.json": () => dashboardOf("live"),
  "deploy/grafana/dashboards/sluice-sink.json": () => dashboardOf("sink"),
};

/**
 * Made anew with the others, but not compared: a test that is added somewhere must not make this
 * page wrong, only less than it could be. That all it names exists is a test of its own.
 */
const GROWING_FILES: Readonly<Record<string, () => string>> = {
  "docs/guarantees.md": () => guaranteesPage(root),
};

function dashboardOf(name: keyof typeof DASHBOARDS): string {
  return dashboardText(name, DASHBOARDS[name]);
}

function jsonText(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
if (!values.check) {
  for (const [path, generate] of Object.entries(GROWING_FILES)) {
    writeFileSync(join(root, path), generate());
  }
}
for (const [path, generate] of Object.entries(GENERATED_FILES)) {
  if (!values.check) {
    writeFileSync(join(root, path), generate());
  } else if (read(path) !== generate()) {
    console.log(`${path} is not what its table says: npm run generate`);
    process.exitCode = 1;
  }
}
