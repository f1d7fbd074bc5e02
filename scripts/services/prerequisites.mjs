/**
 * System programs that cannot be kept in the cache folder: a Java runtime, Maven, Redis, …. They
 * are installed with apt-get, announced first, only by root on a Debian-like system; anyone else
 * gets one sentence with the command that mends it.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { withLock } from "./lock.mjs";
import { ServiceProblem } from "./problem.mjs";
import { runCommand } from "./run-command.mjs";

const APT_GET = "/usr/bin/apt-get";
const APT_OPTIONS = ["-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
/** PATH, and where Debian puts servers, which is in the PATH of root only. */
export const SYSTEM_PATH = [process.env.PATH ?? "", "/usr/sbin"].join(delimiter);
const JAVA_VERSION_MIN = 17;
const GO_VERSION_MIN = 23;
const GO_ADVICE = `put Go 1.${GO_VERSION_MIN} or newer (https://go.dev/dl) first in PATH`;

/**
 * What each prerequisite is called as a program, as a Debian package, and when it is good enough.
 * Go has no package here: that of Debian 12 is too old to be of use.
 */
const PREREQUISITES = {
  java: { program: "java", debianPackage: "default-jre-headless", verify: verifyJava },
  maven: { program: "mvn", debianPackage: "maven" },
  openssl: { program: "openssl", debianPackage: "openssl" },
  setpriv: { program: "setpriv", debianPackage: "util-linux" },
  unzip: { program: "unzip", debianPackage: "unzip" },
  redis: { program: "redis-server", debianPackage: "redis-server" },
  prometheus: { program: "prometheus", debianPackage: "prometheus" },
  haproxy: { program: "haproxy", debianPackage: "haproxy" },
  go: { program: "go", advice: GO_ADVICE, verify: verifyGo },
};

/**
 * @param {readonly (keyof typeof PREREQUISITES)[]} names
 * @param {(sentence: string) => void} progress
 * @throws {ServiceProblem} when one is missing and cannot be installed, or is too old
 */
export async function ensurePrerequisites(names, progress) {
  const wanted = names.map((name) => PREREQUISITES[name]);
  if (missingOf(wanted).length > 0) {
    refuseUnpackaged(missingOf(wanted));
    await withLock("apt-get", async () => {
      const missing = missingOf(wanted);
      if (missing.length > 0) await installPackages(missing, progress);
    });
  }
  for (const { verify } of wanted) await verify?.();
}

function missingOf(wanted) {
  return wanted.filter(({ program }) => findProgram(program) === undefined);
}

function refuseUnpackaged(missing) {
  const unpackaged = missing.find(({ debianPackage }) => debianPackage === undefined);
  if (unpackaged === undefined) return;
  throw new ServiceProblem(`${unpackaged.program} not found: ${unpackaged.advice}`);
}

async function installPackages(missing, progress) {
  const packages = missing.map(({ debianPackage }) => debianPackage);
  const programs = missing.map(({ program }) => program).join(", ");
  const command = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (process.getuid?.() !== 0 || !existsSync(APT_GET)) {
    throw new ServiceProblem(`${programs} not found; install it first: sudo ${command}`);
  }
  progress(`installing the system packages ${packages.join(" ")} (${command})`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = () =>
    runCommand(APT_GET, ["install", ...APT_OPTIONS, ...packages], {
      environment,
      purpose: `install ${packages.join(" ")}`,
    });
  try {
    await install();
  } catch {
    progress("the package lists may be old: apt-get update, then once more");
    await runCommand(APT_GET, ["update", "-q"], { environment, purpose: "run apt-get update" });
    await install();
  }
}

/** The path of a program; undefined if there is none. */
export function findProgram(program, searched = SYSTEM_PATH) {
  for (const folder of searched.split(delimiter)) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder: the next one may have it.
    }
  }
  return undefined;
}

/** `openjdk version "17.0.15" …` → 17; NaN if the text is of another form. */
export function javaMajorVersion(versionText) {
  return Number(/version "(\d+)/u.exec(versionText)?.[1]);
}

/** `go version go1.26.8 linux/amd64` → 26; NaN if the text is of another form. */
export function goMinorVersion(versionText) {
  return Number(/go1\.(\d+)/u.exec(versionText)?.[1]);
}

async function verifyJava() {
  const found = javaMajorVersion(await runCommand("java", ["-version"]));
  if (found >= JAVA_VERSION_MIN) return;
  throw new ServiceProblem(
    `java ${found} is too old: put Java ${JAVA_VERSION_MIN} or newer first in PATH ` +
      `(Debian: sudo apt-get install -y openjdk-17-jre-headless)`,
  );
}

async function verifyGo() {
  const found = goMinorVersion(await runCommand("go", ["version"]));
  if (found >= GO_VERSION_MIN) return;
  throw new ServiceProblem(`go 1.${found} is too old: ${GO_ADVICE}`);
}
