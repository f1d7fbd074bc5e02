/**
 * The titles of tests as they stand in the sources. What a template puts in is shown as "…". It
 * knows nothing of what they mean.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { findTestFiles } from "../test/suites.ts";

const TITLE = /\b(?:test|it|describe)\(\s*(["'`])((?:\\.|(?!\1)[\s\S])*)\1/g;

/** In the order of the source. */
export function titlesOf(source: string): string[] {
  return [...source.matchAll(TITLE)].map(([, , title = ""]) =>
    title.replaceAll(/\$\{[^}]*\}/g, "…").replaceAll(/\\(.)/g, "$1"),
  );
}

/** By path below the root, in alphabetical order. */
export function allTitles(root: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    findTestFiles(root).map((file) => [file, titlesOf(readFileSync(join(root, file), "utf8"))]),
  );
}
