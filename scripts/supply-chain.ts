/**
 * What sluice is made of: `--sbom` prints a CycloneDX list (npm's own, and by hand what stands
 * inside binaries), `--audit` asks the registry for known holes, `--licences` compares the licences
 * of the lockfile with those that are allowed, offline.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { knownHoles } from "./supply-chain/holes.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Licences that ask for no more than to be named (SPDX). */
const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MIT",
  "Python-2.0",
]);

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

interface Package {
  readonly version: string;
  readonly license: string;
  readonly librdkafka?: string;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(`${ROOT}/${file}`, "utf8"));
}

/** Packages of the running gateway whose licence is not allowed. Tools are not passed on. */
function strangeLicences(): string[] {
  // npm's own format, version 3.
  const { packages } = readJson("package-lock.json") as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true)
    .filter(([, { license, optional }]) => !(license === undefined && optional === true))
    .filter(([, { license = "none" }]) => !ALLOWED.has(license))
    .map(([path, { license = "none" }]) => `${path}: ${license}`);
}

/** What npm does not see: it is inside the binaries of packages, or runs them. */
function embedded(): object[] {
  const of = (name: string) => readJson(`node_modules/${name}/package.json`) as Package;
  const kafka = of("@confluentinc/kafka-javascript");
  const sockets = of("uWebSockets.js");
  const part = (name: string, version: string, licence: string) => ({
    type: "library",
    "bom-ref": `embedded:${name}`,
    name,
    version,
    licenses: [{ license: { name: licence } }],
  });
  return [
    part("librdkafka", kafka.librdkafka ?? "unknown", "BSD-2-Clause"),
    part("OpenSSL that librdkafka uses", "the system's", "Apache-2.0"),
    part("uWebSockets", sockets.version, "Apache-2.0"),
    part("BoringSSL in uWebSockets", sockets.version, "OpenSSL and ISC"),
    part("Node.js", process.versions.node, "MIT"),
    part("OpenSSL in Node.js", process.versions.openssl ?? "unknown", "Apache-2.0"),
  ];
}

function npm(...words: readonly string[]): { readonly status: number; readonly text: string } {
  const { status, stdout, stderr } = spawnSync("npm", words, { cwd: ROOT, encoding: "utf8" });
  return { status: status ?? 1, text: stdout === "" ? stderr : stdout };
}

function printSbom(): number {
  const { status, text } = npm("sbom", "--sbom-format", "cyclonedx", "--omit", "dev");
  if (status !== 0) {
    console.error(text);
    return status;
  }
  const bom = JSON.parse(text) as { readonly components: readonly object[] };
  const components = [...bom.components, ...embedded()];
  console.log(JSON.stringify({ ...bom, components }, null, 2));
  return 0;
}

/** Exit code 1 for holes or licences, 2 when nobody would say whether there are holes. */
function audit(): number {
  const { stdout: out, stderr: error } = spawnSync("npm", ["audit", "--json", "--omit", "dev"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const holes = knownHoles({ out, error });
  const licences = checkLicences();
  if (licences === 0) console.log("licences: all allowed");
  switch (holes.kind) {
    case "none":
      console.log(`holes: none is known in ${holes.packages} packages`);
      return licences;
    case "known":
      for (const line of holes.lines) console.error(`hole: ${line}`);
      return 1;
    case "unchecked":
      console.error(`holes: NOT CHECKED, the registry did not answer (${holes.reason})`);
      console.error("Ask another one: npm_config_registry=https://… npm run audit");
      return 2;
    default:
      return holes satisfies never;
  }
}

function checkLicences(): number {
  const strange = strangeLicences();
  for (const line of strange) console.error(`licence not allowed: ${line}`);
  return strange.length === 0 ? 0 : 1;
}

const TASKS: Readonly<Record<string, () => number>> = {
  "--sbom": printSbom,
  "--audit": audit,
  "--licences": checkLicences,
};

const task = TASKS[process.argv[2] ?? ""];
if (task === undefined) {
  console.error(`usage: supply-chain.ts ${Object.keys(TASKS).join(" | ")}`);
  process.exitCode = 2;
} else process.exitCode = task();
