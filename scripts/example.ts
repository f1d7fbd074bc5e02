/**
 * `npm run example -- NAME [OPTIONS]`: runs one example of examples/, which says at its top what it
 * shows. An example is `NAME.mjs` or `NAME/main.ts`; the first sentence of its first comment is
 * what the list says of it. It runs in this process, so signals reach it.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const FOLDER = fileURLToPath(new URL("../examples", import.meta.url));

interface Example {
  readonly name: string;
  readonly path: string;
}

const examples: readonly Example[] = globSync(["*.mjs", "*/main.ts"], { cwd: FOLDER })
  .map((file) => ({
    name: file.endsWith(".mjs") ? file.slice(0, -".mjs".length) : dirname(file),
    path: join(FOLDER, file),
  }))
  .toSorted((left, right) => left.name.localeCompare(right.name));

/** The first sentence of the comment at its top, on one line. */
function summary({ path }: Example): string {
  const [, comment = ""] = /^\/\*\*(.*?)\*\//s.exec(readFileSync(path, "utf8")) ?? [];
  const text = comment.replaceAll(/\s*\n\s*\*\s?/g, " ").trim();
  return text.split(/[.:] /)[0]?.replace(/\.$/, "") ?? "";
}

function list(): string {
  const width = Math.max(...examples.map(({ name }) => name.length));
  const lines = examples.map((example) => `  ${example.name.padEnd(width)}  ${summary(example)}`);
  return [
    "npm run example -- NAME [OPTIONS]   (NAME --help: what it takes)",
    "",
    "NAME is one of:",
    ...lines,
    "",
  ].join("\n");
}

const [name = "", ...options] = process.argv.slice(2);
const chosen = examples.find((example) => example.name === name);
if (chosen !== undefined) {
  process.argv.splice(1, process.argv.length - 1, chosen.path, ...options);
  await import(pathToFileURL(chosen.path).href);
} else if (name === "--help" || name === "-h") {
  process.stdout.write(list());
} else {
  if (name !== "") process.stderr.write(`there is no example ${name}\n\n`);
  process.stderr.write(list());
  process.exitCode = 2;
}
