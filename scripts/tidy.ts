/**
 * House rules that no linter knows: widths, names, the words that have no place in the project,
 * addresses of machines and registries, the size of AssemblyScript functions (another language for
 * the linter). It looks at every file that git would commit. With --fix it wraps wide comments.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { wrapComments } from "./check/wrap-comments.ts";

const LINE_WIDTH_MAX = 100;
const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 400;

/** Larger ones are data, not text that somebody wrote. */
const FILE_BYTES_MAX = 1024 * 1024;

interface WordRule {
  readonly pattern: RegExp;
  readonly why: string;
}

/** The patterns are spelled so that they do not match this file. */
const WORD_RULES: readonly WordRule[] = [
  { pattern: /\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/, why: "work left to do belongs elsewhere" },
  { pattern: /\b(?:quick|ugly|dirty) hac[k]\b/i, why: "say what it does and why" },
  {
    pattern: /\bCE[O]\b|\bsub-?agen[t]s?\b|\bas instructe[d]\b|\bthe brie[f]\b/i,
    why: "the project speaks of itself alone",
  },
  {
    pattern: /(?<![\w.~$}-])\/(?:hom[e]|Use[r]s|roo[t]|wor[k])\/[\w.-]+/,
    why: "a path of one machine",
  },
  {
    pattern:
      /\b(?:registr|repo|prox|deb|security|file)\w*\.(?:npm|yarn|mave|golan|debia|python)\w+\.\w+/,
    why: "which registry is used is the user's affair",
  },
];

/** Data of others, and what npm writes. */
const NOT_OURS = /^(?:LICENSE|package-lock\.json)$|^(?:test|packs)\/(?:.*\/)?data\//;
const CODE = /\.(?:ts|mjs|sh)$|^sluice$/;
const SOURCE = /\.(?:ts|mjs)$/;
const GENERATED = /\.gen\.ts$/;
const TEST = /\.test\.(?:ts|mjs)$/;
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)+$/;
const CODE_IN_COMMENT =
  /^\s*\/\/\s*(?:(?:const|let|return|import|await|if|for)\b.*[;{]|[\w.]+\(.*\);)$/;

const graphemes = new Intl.Segmenter();

/** The complaints about one file, each `path:line: sentence`. */
export function inspectFile(path: string, text: string): string[] {
  const lines = text.split("\n");
  const complain = (index: number, sentence: string): string => `${path}:${index + 1}: ${sentence}`;
  const perLine = lines.flatMap((line, index) =>
    inspectLine(path, line).map((sentence) => complain(index, sentence)),
  );
  if (!SOURCE.test(path) || GENERATED.test(path)) return perLine;
  const isAssembly = path.startsWith("assembly/") && !TEST.test(path);
  return [
    ...perLine,
    ...inspectSource(path, text).map((sentence) => complain(0, sentence)),
    ...(isAssembly
      ? inspectAssembly(lines).map((found) => complain(found.index, found.sentence))
      : []),
  ];
}

function inspectLine(path: string, line: string): string[] {
  const found = WORD_RULES.filter(({ pattern }) => pattern.test(line)).map(
    ({ pattern, why }) => `"${pattern.exec(line)?.[0] ?? ""}": ${why}`,
  );
  if (CODE.test(path) && !GENERATED.test(path)) {
    const width = line.length > LINE_WIDTH_MAX ? [...graphemes.segment(line)].length : 0;
    const isAddress = /https?:\/\/\S{60}/.test(line);
    // The formatter wraps code; what it leaves in tests are titles and texts to compare with.
    const isWide = width > LINE_WIDTH_MAX && !isAddress && !TEST.test(path);
    if (isWide) found.push(`${width} columns, over ${LINE_WIDTH_MAX}`);
    if (CODE_IN_COMMENT.test(line)) found.push("code in a comment: delete it");
  }
  return found;
}

function inspectSource(path: string, text: string): string[] {
  const found: string[] = [];
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!NAME.test(name)) found.push(`${name} is not in kebab-case`);
  const body = text.replace(/^#!.*\n/, "").replace(/^\/\/ @ts-check\n/, "");
  if (!TEST.test(path) && !body.startsWith("/**")) {
    found.push("no header comment: what is it, and what does it refuse to know?");
  }
  return found;
}

/** Sizes by layout: a function ends at the first closing brace that stands under its beginning. */
function inspectAssembly(lines: readonly string[]): { index: number; sentence: string }[] {
  const found: { index: number; sentence: string }[] = [];
  if (lines.length > FILE_LINES_MAX + 1) {
    found.push({ index: 0, sentence: `${lines.length - 1} lines, over ${FILE_LINES_MAX}` });
  }
  lines.forEach((line, index) => {
    const begin = /^(\s*)(?:export )?function (\w+)/.exec(line);
    if (begin === null) return;
    const [, indent = "", name = ""] = begin;
    const length = lines.slice(index).findIndex((other) => other === `${indent}}`) + 1;
    if (length > FUNCTION_LINES_MAX) {
      found.push({ index, sentence: `${name} has ${length} lines, over ${FUNCTION_LINES_MAX}` });
    }
  });
  return found;
}

/** Complaints about all files of a checkout that are or could be committed. */
function inspectCheckout(root: string): string[] {
  return listFiles(root).flatMap((path) =>
    inspectFile(path, readFileSync(join(root, path), "utf8")),
  );
}

/** Wraps the comments of all files of a checkout. */
function wrapCheckout(root: string): void {
  for (const path of listFiles(root)) {
    if (!CODE.test(path) || GENERATED.test(path)) continue;
    const text = readFileSync(join(root, path), "utf8");
    const wrapped = wrapComments(text, LINE_WIDTH_MAX);
    if (wrapped !== text) writeFileSync(join(root, path), wrapped);
  }
}

function listFiles(root: string): string[] {
  const listing = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return listing
    .split("\n")
    .filter((path) => path !== "" && !NOT_OURS.test(path) && isText(join(root, path)));
}

function isText(path: string): boolean {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts === undefined || !facts.isFile() || facts.size > FILE_BYTES_MAX) return false;
  return !readFileSync(path).includes(0);
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const { values } = parseArgs({ options: { fix: { type: "boolean", default: false } } });
  if (values.fix) wrapCheckout(root);
  const complaints = inspectCheckout(root);
  for (const complaint of complaints) console.log(complaint);
  process.exitCode = complaints.length === 0 ? 0 : 1;
}
