/**
 * `npm run bench -- NAME [OPTIONS]`: runs one benchmark of bench/, which says at its top what it
 * measures and what options it takes, and prints its own results. `npm run bench -- --check` holds
 * the whole path to its budget.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../bench", import.meta.url));
const known = globSync("*.ts", { cwd: folder })
  .map((file) => basename(file, ".ts"))
  .filter((name) => !name.includes("."));
const [asked = "", ...further] = process.argv.slice(2);
const isCheck = asked === "--check";
const name = isCheck ? "path" : asked;
const options = isCheck ? [asked, ...further] : further;
if (known.includes(name)) {
  // A benchmark of memory asks for garbage collection.
  const words = ["--expose-gc", join(folder, `${name}.ts`), ...options];
  process.exitCode = spawnSync(process.execPath, words, { stdio: "inherit" }).status ?? 1;
} else {
  console.error(`npm run bench -- NAME, where NAME is one of: ${known.join(", ")}`);
  process.exitCode = 2;
}
