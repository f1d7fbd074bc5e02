/** The version of sluice: its form, its order, and the places of the checkout that name it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Major, minor, patch, and a word for what comes before a release. */
const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/;

interface Place {
  readonly file: string;
  /** What stands before the version, and the version. */
  readonly pattern: RegExp;
}

const PLACES: readonly Place[] = [
  { file: "package.json", pattern: /^( {2}"version": ")([^"]+)/m },
  // npm's own file: its head, and the entry of the project itself.
  { file: "package-lock.json", pattern: /^( {2}"version": ")([^"]+)/m },
  {
    file: "package-lock.json",
    pattern: /^( {4}"": \{\n {6}"name": "[^"]+",\n {6}"version": ")([^"]+)/m,
  },
  { file: "src/client/line.ts", pattern: /(const VERSION = ")([^"]+)/ },
  { file: "Dockerfile", pattern: /(ARG VERSION=)(\S+)/ },
  {
    file: "deploy/kubernetes/overlays/production/kustomization.yaml",
    pattern: /(newName: \S+, newTag: )([^ }]+)/,
  },
];

/** Whether a text is a version, as semver.org has it, without build metadata. */
export function isVersion(text: string): boolean {
  return VERSION.test(text);
}

/** Whether `later` comes after `earlier`; both are versions. */
export function isAfter(later: string, earlier: string): boolean {
  const [a, b] = [partsOf(later), partsOf(earlier)];
  for (const index of [0, 1, 2] as const) {
    if (a.numbers[index] !== b.numbers[index]) return a.numbers[index] > b.numbers[index];
  }
  // What comes before a release comes before it; among themselves, by their words.
  if (a.word === "" || b.word === "") return b.word !== "" && a.word === "";
  return a.word.localeCompare(b.word, "en", { numeric: true }) > 0;
}

function partsOf(version: string) {
  const [, major, minor, patch, word = ""] = VERSION.exec(version) ?? [];
  return { numbers: [Number(major), Number(minor), Number(patch)] as const, word };
}

/** The versions that the places of a checkout name, in the order of the table. */
export function namedVersions(root: string): ReadonlyArray<{ file: string; version: string }> {
  return PLACES.map(({ file, pattern }) => {
    const version = pattern.exec(readFileSync(join(root, file), "utf8"))?.[2];
    if (version === undefined) throw new Error(`${file} names no version any more.`);
    return { file, version };
  });
}

/** Writes the version to all its places. */
export function writeVersion(root: string, version: string): void {
  for (const { file, pattern } of PLACES) {
    const path = join(root, file);
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      text.replace(pattern, (_whole, before: string) => before + version),
    );
  }
}
