import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { parseAllDocuments, parse } from "yaml";

import { OPTIONS } from "../../src/config/options.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const FILES = [
  "Dockerfile",
  "compose.yaml",
  ...globSync("deploy/kubernetes/**/*.yaml", { cwd: root }),
];

const VARIABLES: ReadonlySet<string> = new Set(
  Object.keys(OPTIONS).map(
    (name) => `SLUICE_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
  ),
);

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

/** The members of the manifest that are looked at. */
interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [
    {
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
      readonly startupProbe: Probe;
      readonly readinessProbe: Probe;
      readonly livenessProbe: Probe;
      readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
    },
  ];
}

function podSpec(): PodSpec {
  const deployment = parse(read("deploy/kubernetes/base/deployment.yaml")) as {
    readonly spec: { readonly template: { readonly spec: PodSpec } };
  };
  return deployment.spec.template.spec;
}

describe("deployment files", () => {
  it("are sound YAML", () => {
    const files = FILES.filter((path) => path.endsWith(".yaml"));
    for (const path of [
      ...files,
      ".github/workflows/test.yml",
      "deploy/prometheus/prometheus.yml",
    ]) {
      for (const document of parseAllDocuments(read(path))) {
        assert.deepEqual(document.errors, [], path);
      }
    }
  });

  it("name settings that exist", () => {
    const wrong = FILES.flatMap((path) =>
      [...read(path).matchAll(/SLUICE_[A-Z_]+/g)]
        .map(([name]) => name)
        .filter((name) => !VARIABLES.has(name))
        .map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(wrong, []);
  });

  it("use the ports and the health routes that there are", () => {
    const [container] = podSpec().containers;
    assert.deepEqual(container.ports, [
      { name: "http", containerPort: OPTIONS.port.default },
      { name: "admin", containerPort: OPTIONS.adminPort.default },
    ]);
    const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
    assert.deepEqual(
      probes.map(({ httpGet }) => httpGet),
      ["/startupz", "/readyz", "/livez"].map((path) => ({ path, port: "admin" })),
    );
    const exposed = `EXPOSE ${OPTIONS.port.default} ${OPTIONS.adminPort.default}`;
    assert.ok(read("Dockerfile").includes(exposed));
  });

  it("give a drain its time", () => {
    const settings = parse(read("deploy/kubernetes/base/config-map.yaml")) as {
      readonly data: { readonly SLUICE_DRAIN_DEADLINE_MS: string };
    };
    const drainSeconds = Number(settings.data.SLUICE_DRAIN_DEADLINE_MS) / 1_000;
    const { terminationGracePeriodSeconds, containers } = podSpec();
    // A primary waits four seconds longer than its workers.
    const needed = containers[0].lifecycle.preStop.sleep.seconds + drainSeconds + 4;
    assert.ok(needed < terminationGracePeriodSeconds, `${needed} s`);
  });

  it("copy and mount what there is", () => {
    const mounts = [...read("compose.yaml").matchAll(/- (\.\/[\w/.-]+):/g)];
    assert.ok(mounts.length > 2);
    for (const [, path = ""] of mounts) assert.ok(existsSync(join(root, path)), path);
    const copied = [...read("deploy/image/assemble.sh").matchAll(/"\$root\/([\w./-]+)"/g)];
    assert.ok(copied.length > 5);
    for (const [, path = ""] of copied) assert.ok(existsSync(join(root, path)), path);
  });
});
