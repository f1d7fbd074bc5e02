/**
 * Gets what the servers are made of through the package managers' own clients and keeps it in the
 * cache folder, one folder per artifact and version. A folder appears whole or not at all: it is
 * filled beside its place and then renamed. It knows how to fetch, not what the servers are.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { withLock } from "./lock.mjs";
import { cacheFolder } from "./places.mjs";
import { runCommand } from "./run-command.mjs";

const DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";
const PART_SUFFIX = ".part-";

/** Where an artifact is kept, whether it is there already or not. */
export function artifactFolder({ name, version }, environment = process.env) {
  return join(cacheFolder(environment), name, version);
}

/**
 * The folder of an artifact, fetched first if it is not there yet.
 * @param {{ name: string, version: string }} artifact
 * @param {(folder: string) => Promise<void>} fill
 * @param {(sentence: string) => void} progress
 * @returns {Promise<string>}
 */
export async function cachedArtifact(artifact, fill, progress) {
  const { name, version } = artifact;
  const folder = artifactFolder(artifact);
  if (existsSync(folder)) return folder;
  progress(`getting ${name} ${version}`);
  await mkdir(dirname(folder), { recursive: true });
  const onWait = () => progress(`waiting for another download of ${name} ${version}`);
  return await withLock(
    folder,
    async () => {
      await removeLeftovers(folder);
      if (!existsSync(folder)) await fillAndRename(folder, fill);
      return folder;
    },
    { onWait },
  );
}

/** What an interrupted download left; the lock is held, so nobody works on it. */
async function removeLeftovers(folder) {
  const leftovers = (await readdir(dirname(folder))).filter((name) =>
    name.startsWith(`${basename(folder)}${PART_SUFFIX}`),
  );
  for (const name of leftovers) await rm(join(dirname(folder), name), { recursive: true });
}

async function fillAndRename(folder, fill) {
  const temporary = await mkdtemp(`${folder}${PART_SUFFIX}`);
  try {
    await fill(temporary);
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Copies Maven artifacts and all they need at run time into `folder`.
 * @param {readonly { group: string, artifact: string, version: string }[]} dependencies
 */
export async function fetchMavenLibraries(dependencies, folder) {
  const pomFile = join(folder, "pom.xml");
  await writeFile(pomFile, renderPom(dependencies));
  await runMaven(
    [
      "-f",
      pomFile,
      `${DEPENDENCY_PLUGIN}:copy-dependencies`,
      `-DoutputDirectory=${folder}`,
      "-DincludeScope=runtime",
    ],
    `download ${dependencies[0]?.artifact} from Maven Central`,
  );
  await rm(pomFile);
}

/**
 * Fetches one archive from Maven Central and unpacks it into `folder`.
 * @param {string} coordinates group:artifact:version:packaging[:classifier]
 */
export async function fetchMavenArchive(coordinates, folder) {
  const download = join(folder, "download");
  await runMaven(
    [
      `${DEPENDENCY_PLUGIN}:copy`,
      `-Dartifact=${coordinates}`,
      `-DoutputDirectory=${download}`,
      "-Dmdep.useBaseVersion=true",
    ],
    `download ${coordinates} from Maven Central`,
  );
  const archiveName = archiveFileName(coordinates);
  const archive = join(download, archiveName);
  const unpack = archiveName.endsWith(".zip")
    ? ["unzip", ["-q", archive, "-d", folder]]
    : ["tar", ["-xzf", archive, "-C", folder]];
  await runCommand(...unpack, { purpose: `unpack ${archiveName}` });
  await rm(download, { recursive: true });
  await rm(repositoryFolder(coordinates), { recursive: true, force: true });
}

/** Where Maven keeps an artifact; an unpacked archive need not stay there as well. */
export function repositoryFolder(coordinates) {
  const [group, artifact, version] = coordinates.split(":");
  return join(cacheFolder(), "maven", ...group.split("."), artifact, version);
}

/** The name under which Maven stores an artifact: artifact-version[-classifier].packaging */
export function archiveFileName(coordinates) {
  const [, artifact, version, packaging, classifier] = coordinates.split(":");
  const suffix = classifier === undefined ? "" : `-${classifier}`;
  return `${artifact}-${version}${suffix}.${packaging}`;
}

/** One at a time: a Maven repository folder is not made for two writing processes. */
async function runMaven(commandArguments, purpose) {
  const repository = join(cacheFolder(), "maven");
  await withLock(repository, () =>
    runCommand("mvn", ["-q", "-B", `-Dmaven.repo.local=${repository}`, ...commandArguments], {
      purpose,
    }),
  );
}

export function renderPom(dependencies) {
  const entries = dependencies.map(
    ({ group, artifact, version }) =>
      `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>` +
      `<version>${version}</version></dependency>`,
  );
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    "  <modelVersion>4.0.0</modelVersion>",
    "  <groupId>local</groupId><artifactId>server</artifactId><version>1</version>",
    "  <dependencies>",
    ...entries,
    "  </dependencies>",
    "</project>",
    "",
  ].join("\n");
}

/** Builds one program of a Go module into `folder`; sources and objects are removed afterwards. */
export async function buildGoProgram(packagePath, folder) {
  const workspace = join(folder, "workspace");
  await runCommand("go", ["install", packagePath], {
    directory: folder,
    environment: {
      ...process.env,
      GOPATH: workspace,
      GOMODCACHE: join(workspace, "modules"),
      GOCACHE: join(workspace, "build"),
      GOBIN: folder,
      GOFLAGS: "-modcacherw",
      GOTELEMETRY: "off",
      CGO_ENABLED: "0",
    },
    purpose: `build ${packagePath}`,
  });
  await rm(workspace, { recursive: true });
}
