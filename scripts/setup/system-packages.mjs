// @ts-check
/**
 * What the Kafka binding's compilation needs of the system. On a Debian-like system root gets it
 * installed, with an announcement; everybody else is told the command to type.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

import { SetupFailure } from "./failure.mjs";
import { logFile } from "./paths.mjs";
import { remark, showStep } from "./progress.mjs";
import { run } from "./run.mjs";

const DEBIAN_PACKAGES = /** @type {const} */ ([
  "g++",
  "make",
  "python3",
  "pkg-config",
  "libssl-dev",
  "zlib1g-dev",
  "libzstd-dev",
  "liblz4-dev",
  "libcurl4-openssl-dev",
  "libsasl2-dev",
]);

/**
 * What to look for elsewhere: programs, and libraries with their headers by their pkg-config names.
 */
const PROGRAMS = /** @type {const} */ (["g++", "make", "python3", "pkg-config"]);
const LIBRARIES = /** @type {const} */ ([
  "libssl",
  "zlib",
  "libzstd",
  "liblz4",
  "libcurl",
  "libsasl2",
]);

const FEDORA_COMMAND =
  "sudo dnf install -y gcc-c++ make python3 pkgconf openssl-devel zlib-devel libzstd-devel " +
  "lz4-devel libcurl-devel cyrus-sasl-devel";

/**
 * Makes sure that a compiler and the libraries are there, or throws a SetupFailure.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export async function requireCompiler(env) {
  const debianLike = existsSync("/usr/bin/dpkg-query") && existsSync("/usr/bin/apt-get");
  if (!debianLike) return requireElsewhere(env);
  const missing = DEBIAN_PACKAGES.filter((name) => !debianPackageInstalled(name));
  const programs = missingPrograms(env);
  if (missing.length === 0 && programs.length === 0) return;
  const wanted = missing.length > 0 ? missing.join(" ") : programs.join(" ");
  if (process.getuid?.() !== 0 || missing.length === 0) {
    throw new SetupFailure(
      `The Kafka binding has to be compiled, and these are missing for it: ${wanted}.`,
      { mend: `sudo apt-get install -y --no-install-recommends ${wanted}` },
    );
  }
  remark(`system packages are missing and will be installed by apt-get: ${wanted}`);
  await installDebianPackages(missing, env);
}

/**
 * @param {readonly string[]} names
 * @param {NodeJS.ProcessEnv} env
 */
async function installDebianPackages(names, env) {
  await showStep(`system packages: ${names.join(" ")}`, async () => {
    const log = logFile("system-packages");
    const quiet = { log, env: { ...env, DEBIAN_FRONTEND: "noninteractive" } };
    const install = () =>
      run(["apt-get", "install", "-y", "--no-install-recommends", ...names], quiet);
    // The list of packages may be old or, on a new machine, absent.
    const updated = await run(["apt-get", "update"], quiet);
    const installed = await install();
    if (installed.ok) return;
    const how = updated.ok ? installed.how : `apt-get update: ${updated.how}`;
    throw new SetupFailure(`apt-get could not install the system packages (${how}).`, {
      mend: `apt-get update && apt-get install -y --no-install-recommends ${names.join(" ")}`,
      log,
    });
  });
}

/** @param {string} name */
function debianPackageInstalled(name) {
  const answer = spawnSync("dpkg-query", ["-W", "-f", "${db:Status-Status}", name], {
    encoding: "utf8",
  });
  return answer.stdout === "installed";
}

/** @param {NodeJS.ProcessEnv} env */
function missingPrograms(env) {
  const folders = (env["PATH"] ?? "").split(":");
  return PROGRAMS.filter((name) => !folders.some((folder) => existsSync(`${folder}/${name}`)));
}

/** @param {NodeJS.ProcessEnv} env */
function requireElsewhere(env) {
  const programs = missingPrograms(env);
  const libraries = programs.includes("pkg-config")
    ? []
    : LIBRARIES.filter((name) => spawnSync("pkg-config", ["--exists", name], { env }).status !== 0);
  const missing = [...programs, ...libraries];
  if (missing.length === 0) return;
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const fedora = /^ID(_LIKE)?=.*(fedora|rhel|centos)/m.test(release);
  throw new SetupFailure(
    `The Kafka binding has to be compiled, and this is missing for it: ${missing.join(", ")}.`,
    { mend: fedora ? FEDORA_COMMAND : "install these with your system's package manager" },
  );
}
