/**
 * Files that are made from a table in the sources: `npm run generate` writes them, and with --check
 * says whether each is as its table has it now.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

interface GeneratedFile {
  readonly path: string;
  /** The script that prints it, and its arguments. */
  readonly by: readonly [string, ...string[]];
}

const GENERATED_FILES: readonly GeneratedFile[] = [];

function generate(root: string, { by: [script, ...words] }: GeneratedFile): string {
  return execFileSync(process.execPath, [join(root, script), ...words], {
    cwd: root,
    encoding: "utf8",
  });
}

function isCurrent(root: string, file: GeneratedFile): boolean {
  const present = readFileSync(join(root, file.path), { encoding: "utf8", flag: "a+" });
  return present === generate(root, file);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
for (const file of GENERATED_FILES) {
  if (!values.check) {
    writeFileSync(join(root, file.path), generate(root, file));
  } else if (!isCurrent(root, file)) {
    console.log(`${file.path} is not what ${file.by[0]} makes now: npm run generate`);
    process.exitCode = 1;
  }
}
