/**
 * The files for containers, held to the schemas of those who read them: Kubernetes' own (strict: no
 * unknown member), the Compose Specification's.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { Ajv } from "ajv";
import type { ValidateFunction } from "ajv";
import { parse, parseAllDocuments } from "yaml";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

type Json = Readonly<Record<string, unknown>>;

interface Manifest extends Json {
  readonly apiVersion: string;
  readonly kind: string;
}

interface KubernetesSchemas {
  readonly kinds: Readonly<Record<string, object>>;
  readonly definitions: Readonly<Record<string, object>>;
}

// Made of Kubernetes' published schemas; test/data/README.md says how.
const KUBERNETES = JSON.parse(read("test/data/kubernetes/v1.34.schemas.json")) as KubernetesSchemas;

/** Made by kustomize out of its own file, or read by it. */
const NOT_MANIFESTS = /\/kustomization\.yaml$/;
const OVERLAY = /\/overlays\//;

const ajv = new Ajv({ strict: false, allErrors: true });
const validators = new Map<string, ValidateFunction>();

function validatorOf({ apiVersion, kind }: Manifest, isPatch: boolean): ValidateFunction {
  const name = `${apiVersion}/${kind}`;
  const key = `${name} ${isPatch}`;
  const schema = KUBERNETES.kinds[name];
  assert.ok(schema !== undefined, `there is no schema of ${name}`);
  const whole = { ...schema, definitions: KUBERNETES.definitions };
  const known = validators.get(key) ?? ajv.compile(isPatch ? withoutRequired(whole) : whole);
  validators.set(key, known);
  return known;
}

/** A patch says what differs: nothing is missing in it, but nothing may be unknown. */
function withoutRequired(schema: unknown): object {
  const text = JSON.stringify(schema, (key, value: unknown) =>
    key === "required" && Array.isArray(value) ? undefined : value,
  );
  return JSON.parse(text) as object;
}

function faults(manifest: Manifest, { isPatch = false } = {}): string[] {
  const validate = validatorOf(manifest, isPatch);
  validate(manifest);
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${manifest.kind}${instancePath}: ${message ?? ""} ${JSON.stringify(params)}`,
  );
}

/** What kustomize's labels add to a Deployment; without them its selector is missing. */
function labelled(manifest: Manifest): Manifest {
  if (manifest.kind !== "Deployment") return manifest;
  const spec = manifest["spec"] as Json;
  return { ...manifest, spec: { ...spec, selector: { matchLabels: {} } } };
}

const files = globSync("deploy/kubernetes/**/*.yaml", { cwd: root })
  .filter((path) => !NOT_MANIFESTS.test(path))
  .toSorted();
const manifestsIn = (path: string): Manifest[] =>
  parseAllDocuments(read(path)).map((document) => document.toJS() as Manifest);

describe("Kubernetes manifests fit the schemas of Kubernetes 1.34", () => {
  for (const path of files) {
    it(path, () => {
      const isPatch = OVERLAY.test(path);
      for (const manifest of manifestsIn(path)) {
        assert.deepEqual(faults(isPatch ? manifest : labelled(manifest), { isPatch }), []);
      }
    });
  }

  it("a member that is misspelled, or of another type, is found", () => {
    const [deployment] = manifestsIn("deploy/kubernetes/base/deployment.yaml");
    assert.ok(deployment !== undefined);
    const text = JSON.stringify(labelled(deployment));
    for (const [from, to] of [
      ["readOnlyRootFilesystem", "readonlyRootFilesystem"],
      ['"periodSeconds":2', '"periodSeconds":"2s"'],
      ['"seconds":10', '"milliseconds":10'],
    ] as const) {
      assert.ok(text.includes(from), from);
      assert.notDeepEqual(faults(JSON.parse(text.replace(from, to)) as Manifest), [], to);
    }
  });

  it("JSON patches replace what is there", () => {
    const patches = [...globSync("deploy/kubernetes/overlays/*/kustomization.yaml", { cwd: root })]
      .map((path) => parse(read(path)) as { readonly patches?: readonly KustomizePatch[] })
      .flatMap(({ patches: all = [] }) => all)
      .filter((patch): patch is Required<KustomizePatch> => patch.patch !== undefined);
    assert.ok(patches.length > 0);
    for (const { target, patch } of patches) {
      const manifest = files
        .flatMap(manifestsIn)
        .find(({ kind, metadata }) => kind === target.kind && nameOf(metadata) === target.name);
      for (const { op, path } of parse(patch) as { op: string; path: string }[]) {
        assert.equal(op, "replace");
        const found = path
          .split("/")
          .slice(1)
          .reduce<unknown>((value, key) => (value as Json | undefined)?.[key], manifest);
        assert.notEqual(found, undefined, `${target.kind} ${path}`);
      }
    }
  });
});

interface KustomizePatch {
  readonly target?: { readonly kind: string; readonly name: string };
  readonly patch?: string;
}

function nameOf(metadata: unknown): unknown {
  return (metadata as Json | undefined)?.["name"];
}

interface Service {
  readonly image?: string;
  readonly ports?: readonly string[];
  readonly container_name?: string;
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: unknown;
}

describe("compose.yaml", () => {
  const compose = parse(read("compose.yaml")) as {
    readonly services: Readonly<Record<string, Service>>;
  };
  const { services } = compose;

  it("fits the Compose Specification", () => {
    const schema = JSON.parse(read("test/data/compose/compose-spec.json")) as object;
    // It names its dialect, draft 7, by another address than that draft does.
    const validate = new Ajv({ strict: false, validateSchema: false }).compile(schema);
    validate(compose);
    assert.deepEqual(validate.errors ?? [], []);
    const wrong = { services: { ...services, gateway: { ...services["gateway"], reads_only: 1 } } };
    assert.equal(validate(wrong), false);
  });

  it("waits for services that there are, and for health only where it is told", () => {
    for (const { depends_on = {} } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const service = services[name];
        assert.ok(service !== undefined, name);
        // The gateway's health check is its image's.
        const hasCheck = service.healthcheck !== undefined || name === "gateway";
        if (condition === "service_healthy") assert.ok(hasCheck, name);
      }
    }
  });

  it("a gateway can be there twice: no name of its own, a port out of a range", () => {
    const gateway = services["gateway"];
    assert.equal(gateway?.container_name, undefined);
    const [range] = gateway?.ports ?? [];
    const [, first, last] = /:(\d+)-(\d+):8080$/.exec(range ?? "") ?? [];
    assert.ok(Number(last) > Number(first), range);
  });

  it("the load test is asked for by its profile, and its settings are known to loadtest", () => {
    const k6 = services["k6"];
    assert.deepEqual(k6?.profiles, ["load"]);
    assert.match(k6.image ?? "", /^grafana\/k6:2\./);
    const settings = read("loadtest/lib/settings.ts");
    const names = Object.keys(k6.environment ?? {}).filter((name) => name.startsWith("LOAD_"));
    assert.ok(names.length > 1);
    for (const name of names) assert.ok(settings.includes(`"${name}"`), name);
    const mounted = (k6.volumes ?? []).map((volume) => volume.split(":").slice(0, 2).join(":"));
    assert.deepEqual(mounted, ["./loadtest:/sluice/loadtest", "./packs:/sluice/packs"]);
  });
});
