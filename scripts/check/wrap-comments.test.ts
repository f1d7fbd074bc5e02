import assert from "node:assert/strict";
import { test } from "node:test";

import { wrapComments } from "./wrap-comments.ts";

const wrap = (...lines: string[]) => wrapComments(lines.join("\n"), 20).split("\n");

test("wrapComments, lines that fit, leaves them", () => {
  assert.deepEqual(wrap("/** Short. */", "const a = 1; // a long line of code"), [
    "/** Short. */",
    "const a = 1; // a long line of code",
  ]);
});

test("wrapComments, a paragraph that is too long, moves the rest to its next line", () => {
  assert.deepEqual(wrap("/**", " * one two three four five", " * six", " */"), [
    "/**",
    " * one two three",
    " * four five six",
    " */",
  ]);
});

test("wrapComments, the last line of a paragraph, adds a line", () => {
  assert.deepEqual(wrap("// one two three four five", "", "code();"), [
    "// one two three",
    "// four five",
    "",
    "code();",
  ]);
});

test("wrapComments, a block of one line, becomes one of several", () => {
  assert.deepEqual(wrap("  /** one two three four */"), [
    "  /**",
    "   * one two three",
    "   * four",
    "   */",
  ]);
});

test("wrapComments, a block that begins with text, keeps its stars in line", () => {
  assert.deepEqual(wrap("/** one two three four", " * five. */"), [
    "/** one two three",
    " * four five. */",
  ]);
});

test("wrapComments, list items and tags, do not flow into one another", () => {
  assert.deepEqual(wrap(" * - one two three four", " * - five", " * @param a b c d e f g"), [
    " * - one two three",
    " *   four",
    " * - five",
    " * @param a b c d e",
    " *   f g",
  ]);
});

test("wrapComments, instructions to tools and drawings, leaves them", () => {
  const lines = ["// oxlint-disable-next-line some-rule", " * ┌──────────────────────┐"];
  assert.deepEqual(wrap(...lines), lines);
});
