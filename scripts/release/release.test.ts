/** Versions and changelogs, then a release of a copy of this checkout, from beginning to end. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { releaseNotes, unreleasedNotes } from "./changelog.ts";
import { linkPackages, makeCopyFolder } from "./steps.ts";
import { isAfter, isVersion, namedVersions } from "./version.ts";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

describe("isVersion", () => {
  it("takes three numbers, and a word after them", () => {
    for (const text of ["0.1.0", "10.20.30", "1.0.0-rc.1"]) assert.ok(isVersion(text), text);
    for (const text of ["1.0", "v1.0.0", "1.0.0+build", "one", ""]) {
      assert.ok(!isVersion(text), text);
    }
  });
});

describe("isAfter", () => {
  it("knows the order of versions", () => {
    const ordered = ["0.1.0", "0.1.2", "0.1.10", "0.2.0", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0"];
    for (const [index, later] of ordered.entries()) {
      for (const [other, earlier] of ordered.entries()) {
        assert.equal(isAfter(later, earlier), index > other, `${later} after ${earlier}`);
      }
    }
  });
});

describe("the changelog", () => {
  const text = "# Changelog\n\nWords.\n\n## Unreleased\n\n- One.\n- Two.\n";
  const made = { version: "1.0.0", day: "2026-11-21" };

  it("moves what is new under the version", () => {
    const released =
      "# Changelog\n\nWords.\n\n## Unreleased\n\n## 1.0.0 (2026-11-21)\n\n- One.\n- Two.\n";
    assert.equal(releaseNotes(text, made), released);
    assert.equal(unreleasedNotes(released), "");
    const next = released.replace("## Unreleased\n", "## Unreleased\n\n- Three.\n");
    assert.equal(
      releaseNotes(next, { version: "1.1.0", day: "2026-12-01" }),
      released.replace("## Unreleased\n", "## Unreleased\n\n## 1.1.0 (2026-12-01)\n\n- Three.\n"),
    );
  });

  it("that has no such section says so", () => {
    assert.equal(unreleasedNotes("# Changelog\n"), null);
    assert.equal(unreleasedNotes(text), "- One.\n- Two.");
  });
});

describe("versions in this checkout", () => {
  it("are all the same", () => {
    const versions = namedVersions(root).map(({ version }) => version);
    assert.equal(new Set(versions).size, 1, JSON.stringify(namedVersions(root)));
  });
});

describe("npm run release", () => {
  let copy: string;
  const git = (...words: readonly string[]): string =>
    execFileSync("git", words, { cwd: copy, encoding: "utf8" }).trim();
  const release = (...words: readonly string[]) =>
    spawnSync(process.execPath, ["scripts/release.ts", "--tests-passed", ...words], {
      cwd: copy,
      encoding: "utf8",
    });

  before(() => {
    copy = makeCopyFolder(root);
    // What would be committed now, not what was committed last.
    const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
      cwd: root,
      encoding: "utf8",
    });
    for (const path of listed.split("\n")) {
      if (path !== "") cpSync(join(root, path), join(copy, path), { recursive: true });
    }
    linkPackages(root, copy);
    git("init", "--quiet", "--initial-branch", "main");
    git("config", "user.name", "Somebody");
    git("config", "user.email", "somebody@example.org");
    git("config", "commit.gpgsign", "false");
    const changelog = join(copy, "CHANGELOG.md");
    const text = readFileSync(changelog, "utf8");
    writeFileSync(changelog, text.replace("## Unreleased\n", "## Unreleased\n\n- A test.\n"));
    git("add", "--all");
    git("commit", "--quiet", "--message", "Begin");
  });

  after(() => {
    rmSync(copy, { recursive: true, force: true });
  });

  it("refuses what is no release, and changes nothing", () => {
    for (const [version, why] of [
      ["one", /is no version/],
      ["0.0.1", /does not come after/],
    ] as const) {
      const { status, stderr } = release(version);
      assert.equal(status, 1);
      assert.match(stderr, why);
    }
    writeFileSync(join(copy, "left-over.txt"), "");
    assert.match(release("99.0.0").stderr, /Commit or stash/);
    rmSync(join(copy, "left-over.txt"));
    assert.equal(git("status", "--porcelain"), "");
  });

  it("writes, packs, lists, commits and tags", () => {
    const { status, stdout, stderr } = release("99.0.0");
    assert.equal(status, 0, stderr + stdout);
    assert.equal(git("status", "--porcelain"), "");
    assert.equal(git("log", "-1", "--format=%s"), "Release 99.0.0");
    assert.equal(git("rev-parse", "v99.0.0^{commit}"), git("rev-parse", "HEAD"));
    assert.match(git("tag", "--list", "--format=%(contents)", "v99.0.0"), /- A test\./);
    assert.deepEqual([...new Set(namedVersions(copy).map(({ version }) => version))], ["99.0.0"]);
    assert.match(readFileSync(join(copy, "CHANGELOG.md"), "utf8"), /## 99\.0\.0 \(\d{4}-/);
    const folder = join(copy, "build", "release");
    const packed = execFileSync("tar", ["-tzf", join(folder, "sluice-99.0.0.tgz")]).toString();
    for (const file of ["package.json", "build/library/codec/library-node.js", "build/client.js"]) {
      assert.ok(packed.includes(`package/${file}\n`), `${file} in\n${packed}`);
    }
    const bom = JSON.parse(readFileSync(join(folder, "sluice-99.0.0.cdx.json"), "utf8")) as {
      readonly bomFormat: string;
      readonly metadata: { readonly component: { readonly version: string } };
      readonly components: ReadonlyArray<{ readonly name: string }>;
    };
    assert.deepEqual([bom.bomFormat, bom.metadata.component.version], ["CycloneDX", "99.0.0"]);
    assert.ok(bom.components.some(({ name }) => name === "librdkafka"));
    execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: folder });
  });

  it("a version that was tagged is not made again", () => {
    assert.match(release("99.0.0").stderr, /tag v99\.0\.0 is there already/);
  });
});
