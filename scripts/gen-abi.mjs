// @ts-check
/**
 * Makes src/codec/abi.gen.ts from assembly/abi.ts, the page both sides of the WASM border share.
 * With --check it only compares and exits 1 where they differ.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("../assembly/abi.ts", import.meta.url));
const TARGET = fileURLToPath(new URL("../src/codec/abi.gen.ts", import.meta.url));
const CONSTANT = /^export const ([A-Z0-9_]+): (?:u32|usize) = (\w+);$/gm;

/** The host's copy of the constants in the text of assembly/abi.ts. */
export function generateAbi(/** @type {string} */ source) {
  const lines = [...source.matchAll(CONSTANT)].map(([, name, value]) => {
    return `export const ${name} = ${value};`;
  });
  return [
    "/**",
    " * Made by scripts/gen-abi.mjs from assembly/abi.ts, which says what these numbers mean.",
    " * Do not edit: npm run generate.",
    " */",
    ...lines,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = generateAbi(readFileSync(SOURCE, "utf8"));
  if (!process.argv.includes("--check")) writeFileSync(TARGET, text);
  else if (readFileSync(TARGET, "utf8") !== text) {
    process.stderr.write("src/codec/abi.gen.ts is stale: run node scripts/gen-abi.mjs\n");
    process.exitCode = 1;
  }
}
