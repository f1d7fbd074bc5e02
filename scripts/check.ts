/**
 * `npm run check`: types, lint, format, dead code, house rules, generated files. Each check is
 * shown in one line; what it found follows when it fails. With --fix, what can be mended by a
 * machine is.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

interface Check {
  readonly name: string;
  /** A program of node_modules, or a script of ours. */
  readonly words: readonly [string, ...string[]];
}

const CHECKS: readonly Check[] = [
  { name: "types (tsc)", words: ["node_modules/.bin/tsc", "--noEmit", "-p", "."] },
  { name: "lint (oxlint)", words: ["node_modules/.bin/oxlint", "."] },
  { name: "format (oxfmt)", words: ["node_modules/.bin/oxfmt", "--check", "."] },
  { name: "dead code (knip)", words: ["node_modules/.bin/knip", "--no-progress"] },
  { name: "house rules (tidy)", words: ["scripts/tidy.ts"] },
  { name: "generated files", words: ["scripts/generate.ts", "--check"] },
  { name: "licences", words: ["scripts/supply-chain.ts", "--licences"] },
];

const FIXES: readonly Check[] = [
  { name: "generated files", words: ["scripts/generate.ts"] },
  { name: "lint (oxlint)", words: ["node_modules/.bin/oxlint", "--fix", "."] },
  { name: "format (oxfmt)", words: ["node_modules/.bin/oxfmt", "."] },
  { name: "house rules (tidy)", words: ["scripts/tidy.ts", "--fix"] },
];

/** As many at once as a small machine has cores. */
const AT_ONCE = 2;

/** Runs all checks of a checkout and shows them; resolves to whether all are content. */
export async function runChecks(root: string): Promise<boolean> {
  return runAll(root, { checks: CHECKS, atOnce: AT_ONCE });
}

async function runAll(
  root: string,
  { checks, atOnce }: { checks: readonly Check[]; atOnce: number },
): Promise<boolean> {
  const waiting = [...checks];
  let isContent = true;
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      isContent = (await runCheck(root, check)) && isContent;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return isContent;
}

async function runCheck(root: string, { name, words }: Check): Promise<boolean> {
  const startMs = performance.now();
  const { code, output } = await runNode(root, words);
  const clock = `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
  console.log(`${code === 0 ? "✓" : "✗"} ${name} (${clock})`);
  if (code !== 0) console.log(output.trimEnd());
  return code === 0;
}

function runNode(
  root: string,
  [program, ...words]: readonly [string, ...string[]],
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, program), ...words], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      // Some tools colour what they print when they think they run in continuous integration.
      env: process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: "1" },
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() });
    });
  });
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const { values } = parseArgs({ options: { fix: { type: "boolean", default: false } } });
  const isContent = values.fix
    ? await runAll(root, { checks: FIXES, atOnce: 1 })
    : await runChecks(root);
  process.exitCode = isContent ? 0 : 1;
}
