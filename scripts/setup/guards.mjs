// @ts-check
/**
 * The codec's sources with a guard before each access to memory: a copy of assembly/ in which every
 * load, store, copy and fill first asks scripts/setup/guards.as whether the bytes lie wholly in one
 * region that may be read, or written. The build for tests is made of them, so the fuzz corpus runs
 * on it; the build that runs has no trace of it.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { inRoot } from "./paths.mjs";

const ACCESS = /\b(load<\w+>|store<\w+>|v128\.load|v128\.store|memory\.copy|memory\.fill)\(/;
const ENTRY = "export function encodeFrame(bytes: usize): void {\n";
const GUARD_FILE = "guards.ts";

/**
 * Writes the guarded copy of assembly/ to `folder`, anew.
 *
 * @param {string} folder
 */
export function writeGuarded(folder) {
  rmSync(folder, { recursive: true, force: true });
  copyFolder(inRoot("assembly"), folder, folder);
  copyFileSync(inRoot("scripts", "setup", "guards.as"), join(folder, GUARD_FILE));
}

/**
 * @param {string} from
 * @param {string} to
 * @param {string} root
 */
function copyFolder(from, to, root) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyFolder(source, target, root);
    else if (!entry.name.endsWith(".ts")) copyFileSync(source, target);
    else {
      const guards = relative(dirname(target), join(root, "guards"));
      const path = guards.startsWith(".") ? guards : `./${guards}`;
      writeFileSync(target, guarded(readFileSync(source, "utf8"), path));
    }
  }
}

/**
 * One file with its guards; `path`: where it finds them.
 *
 * @param {string} source
 * @param {string} path
 */
export function guarded(source, path) {
  const text = rewrite(source);
  if (text === source) return source;
  const opened = text.replace(ENTRY, `${ENTRY}  openGuards(bytes);\n`);
  return `import { openGuards, readable, writable } from "${path}";\n${opened}`;
}

/**
 * @param {string} source
 * @returns {string}
 */
function rewrite(source) {
  const found = ACCESS.exec(source);
  if (found === null) return source;
  const start = found.index + found[0].length;
  const { args, end } = argumentsAt(source, start);
  const access = guardedAccess(found[1] ?? "", args.map(rewrite));
  return source.slice(0, found.index) + access + rewrite(source.slice(end));
}

/**
 * The arguments of a call, which begin at `start`, and the end of the call.
 *
 * @param {string} source
 * @param {number} start
 */
function argumentsAt(source, start) {
  const args = [];
  let depth = 0;
  let from = start;
  for (let at = start; at < source.length; at += 1) {
    const char = source[at] ?? "";
    if ("([".includes(char)) depth += 1;
    else if (depth > 0 && ")]".includes(char)) depth -= 1;
    else if (depth === 0 && (char === "," || char === ")")) {
      const arg = source.slice(from, at).trim();
      if (arg !== "") args.push(arg);
      from = at + 1;
      if (char === ")") return { args, end: at + 1 };
    }
  }
  throw new Error(`a call without end: ${source.slice(start, start + 60)}`);
}

/**
 * @param {string} access
 * @param {readonly string[]} args
 */
function guardedAccess(access, args) {
  const [first = "", second = "", third = ""] = args;
  const type = /<(\w+)>/.exec(access)?.[1];
  const bytes = type === undefined ? "16" : `sizeof<${type}>()`;
  /** @param {string} offset */
  const place = (offset) => (offset === "" ? first : `(${first}) + <usize>(${offset})`);
  if (access === "memory.copy") {
    const size = `<usize>(${third})`;
    return `memory.copy(writable(${first}, ${size}), readable(${second}, ${size}), ${size})`;
  }
  if (access === "memory.fill") {
    return `memory.fill(writable(${first}, <usize>(${third})), ${second}, ${third})`;
  }
  return access.includes("load")
    ? `${access}(readable(${place(second)}, ${bytes}))`
    : `${access}(writable(${place(third)}, ${bytes}), ${second})`;
}
