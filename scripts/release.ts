/**
 * `npm run release -- VERSION [--dry-run]`: makes a release of a clean checkout whose tests pass:
 * version, changelog, library tarball, list of parts, commit and tag. It publishes nothing; it says
 * what to push. A dry run does the same in a copy.
 */
import { rmSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import {
  checkReady,
  git,
  linkPackages,
  makeCopyFolder,
  makeRelease,
  ReleaseProblem,
  runTests,
  tagOf,
} from "./release/steps.ts";
import type { Release } from "./release/steps.ts";
import { isVersion } from "./release/version.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

const USAGE = `npm run release -- VERSION [OPTION…]

Checks that nothing is uncommitted, runs the tests, writes VERSION everywhere and to CHANGELOG.md,
packs the library with a list of its parts (build/release), commits, and tags vVERSION.

  --dry-run        does it in a copy and leaves nothing behind
  --tests-passed   the tests have passed for this commit: do not run them again
  --help           this text
`;

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "dry-run": { type: "boolean", default: false },
      "tests-passed": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const [version] = positionals;
  if (values.help || version === undefined || positionals.length > 1) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  if (!isVersion(version)) throw new ReleaseProblem(`${version} is no version like 1.2.3.`);
  const day = new Date().toISOString().slice(0, 10);
  const release: Release = { root: ROOT, version, day, say };
  checkReady(release);
  if (!values["tests-passed"]) runTests(release);
  if (values["dry-run"]) return rehearse(release);
  const artifacts = makeRelease(release);
  for (const path of artifacts) console.log(path);
  console.log(`\n${tagOf(version)} is made, here only. To publish it:`);
  console.log(`  git push origin HEAD ${tagOf(version)}`);
  return 0;
}

/** The same in a copy of the last commit, which is removed afterwards. */
function rehearse(release: Release): number {
  const copy = makeCopyFolder(ROOT);
  try {
    git(ROOT, "clone", "--quiet", ROOT, copy);
    // The packages are the same: only the project's own version differs.
    linkPackages(ROOT, copy);
    git(copy, "config", "user.name", git(ROOT, "log", "-1", "--format=%an"));
    git(copy, "config", "user.email", git(ROOT, "log", "-1", "--format=%ae"));
    const artifacts = makeRelease({ ...release, root: copy });
    console.log(git(copy, "show", "--stat", "--format=%s", "HEAD"));
    console.log(git(copy, "tag", "--list", "--format=%(contents)", tagOf(release.version)));
    console.log(`\nIt would make: ${artifacts.map((path) => basename(path)).join(", ")}`);
    return 0;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function say(sentence: string): void {
  console.error(`… ${sentence}`);
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof ReleaseProblem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
