/**
 * `sluice/codec` as others get it: built, packed, unpacked into a project without anything else.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { withLock } from "../../../scripts/services/lock.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export interface PackedLibrary {
  /** A project whose node_modules holds the package. */
  readonly project: string;
  /** Where the package lies in it. */
  readonly folder: string;
  readonly remove: () => void;
}

export async function packLibrary(): Promise<PackedLibrary> {
  // It is built in one place, which test files that run at once would take from one another.
  return await withLock(join(ROOT, "build", "library"), pack);
}

function pack(): PackedLibrary {
  const project = mkdtempSync(join(tmpdir(), "sluice-library-"));
  const folder = join(project, "node_modules", "sluice");
  const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  const run = (program: string, ...words: string[]): void => {
    const env = { ...process.env, PATH: path };
    execFileSync(program, words, { cwd: ROOT, env, stdio: ["ignore", "ignore", "pipe"] });
  };
  run(process.execPath, "scripts/build-library.mjs");
  run("npm", "pack", "--ignore-scripts", "--offline", "--pack-destination", project);
  const [archive = ""] = readdirSync(project).filter((name) => name.endsWith(".tgz"));
  mkdirSync(folder, { recursive: true });
  run("tar", "-xzf", join(project, archive), "--strip-components", "1", "-C", folder);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", type: "module" }));
  return { project, folder, remove: () => rmSync(project, { recursive: true, force: true }) };
}
