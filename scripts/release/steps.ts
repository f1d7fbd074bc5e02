/**
 * What a release is made of, one step after the other, in a checkout that may be a copy. A step
 * that cannot be done throws a ReleaseProblem; what was changed by then is taken back.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { releaseNotes, unreleasedNotes } from "./changelog.ts";
import { isAfter, namedVersions, writeVersion } from "./version.ts";

const CHANGELOG = "CHANGELOG.md";
const ARTIFACTS = join("build", "release");
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const OUTPUT_LINES_SHOWN = 20;

/** A sentence for whoever releases. */
export class ReleaseProblem extends Error {}

export interface Release {
  readonly root: string;
  readonly version: string;
  /** Of the release, as 2026-11-21. */
  readonly day: string;
  readonly say: (sentence: string) => void;
}

/** Whether a release may be made of this checkout; throws why not. */
export function checkReady({ root, version }: Release): void {
  const changed = git(root, "status", "--porcelain");
  if (changed !== "") throw new ReleaseProblem(`Commit or stash what is changed:\n${changed}`);
  if (git(root, "tag", "--list", tagOf(version)) !== "") {
    throw new ReleaseProblem(`The tag ${tagOf(version)} is there already.`);
  }
  const named = namedVersions(root);
  const [current] = named;
  const other = named.find((each) => each.version !== current?.version);
  if (current === undefined || other !== undefined) {
    throw new ReleaseProblem(`${other?.file ?? ""} names another version than package.json.`);
  }
  if (!isAfter(version, current.version)) {
    throw new ReleaseProblem(`${version} does not come after ${current.version}.`);
  }
  const notes = unreleasedNotes(readFileSync(join(root, CHANGELOG), "utf8"));
  if (notes === null || notes === "") {
    throw new ReleaseProblem(`${CHANGELOG} says nothing under "Unreleased".`);
  }
}

export function runTests({ root, say }: Release): void {
  say("testing: npm test");
  const { status } = spawnSync("npm", ["test"], { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new ReleaseProblem("The tests fail: nothing was changed.");
}

/**
 * Writes version and changelog, builds the artifacts, commits and tags. The paths of the artifacts.
 */
export function makeRelease(release: Release): readonly string[] {
  const { root, version, day, say } = release;
  try {
    say(`version ${version}: package, client, image, manifests, changelog`);
    writeVersion(root, version);
    const changelog = readFileSync(join(root, CHANGELOG), "utf8");
    writeFileSync(join(root, CHANGELOG), releaseNotes(changelog, { version, day }));
    node(root, "scripts/generate.ts");
    const artifacts = makeArtifacts(release);
    git(root, "commit", "--quiet", "--all", "--message", `Release ${version}`);
    const notes = unreleasedNotes(changelog) ?? "";
    git(root, "tag", "--annotate", tagOf(version), "--message", `sluice ${version}\n\n${notes}`);
    return artifacts;
  } catch (error) {
    // The tree was clean before: this takes back nothing but our own.
    git(root, "checkout", "--quiet", "--", ".");
    throw error;
  }
}

/** The library as npm packs it, the list of what is inside, and their digests. */
function makeArtifacts({ root, version, say }: Release): readonly string[] {
  const folder = join(root, ARTIFACTS);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  say("building the library and the client");
  node(root, "scripts/build.mjs");
  node(root, "scripts/build-library.mjs");
  say("packing the library");
  const tarball = run(root, ["npm", "pack", "--silent", "--pack-destination", folder]).trim();
  say("listing what is inside (CycloneDX)");
  const bom = join(folder, `sluice-${version}.cdx.json`);
  writeFileSync(bom, node(root, "scripts/supply-chain.ts", "--sbom"));
  const files = [join(folder, basename(tarball)), bom];
  const sums = join(folder, "SHA256SUMS");
  const lines = files.map((file) => `${sha256(file)}  ${basename(file)}\n`);
  writeFileSync(sums, lines.join(""));
  return [...files, sums];
}

export function tagOf(version: string): string {
  return `v${version}`;
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

export function git(root: string, ...words: readonly string[]): string {
  return run(root, ["git", ...words]).trim();
}

function node(root: string, ...words: readonly string[]): string {
  return run(root, [process.execPath, ...words]);
}

function run(root: string, [program = "", ...words]: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (status === 0) return stdout;
  const what = [program, ...words].join(" ");
  const said = `${error?.message ?? stderr}${stdout}`.split("\n").slice(0, OUTPUT_LINES_SHOWN);
  throw new ReleaseProblem(`${what} failed:\n${said.join("\n")}`);
}

/** An empty folder for a copy of the checkout, on the same disk. */
export function makeCopyFolder(root: string): string {
  const parent = join(root, ".cache");
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, "release-"));
}

/** The packages of one checkout in another one: the same files under a second name. */
export function linkPackages(from: string, to: string): void {
  run(from, ["cp", "--archive", "--link", join(from, "node_modules"), join(to, "node_modules")]);
}
