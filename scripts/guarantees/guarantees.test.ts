import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { INPUT_ROWS } from "./input-rows.ts";
import { FAULT_ROWS, PROMISES } from "./promises.ts";
import { allTitles, titlesOf } from "./test-titles.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

test("every test named in docs/guarantees.md exists", () => {
  const titles = allTitles(ROOT);
  const page = readFileSync(new URL("../../docs/guarantees.md", import.meta.url), "utf8");
  const named = [...page.matchAll(/(?:^- |<br>|\| )([^|]*?) \(\[[\w.-]+\]\(\.\.\/([^)]+)\)\)/gm)];
  assert.ok(named.length > 40, "the page names tests");
  for (const [, text = "", file = ""] of named) {
    const bare = (title: string) => title.replace(/^(?:row|input) \d+: /, "");
    const found = titles.get(file)?.some((title) => bare(title) === bare(text));
    assert.ok(found, `${file} has no test "${text}": npm run generate`);
  }
  for (const { name, tests } of PROMISES) {
    assert.ok(tests.length > 0, name);
    for (const { file, title } of tests) {
      assert.ok(titles.get(file)?.includes(title), `${name}: ${file} has no test "${title}"`);
    }
  }
});

test("every row of both matrices has its line, and no test names a row that is none", () => {
  assert.equal(FAULT_ROWS.length, 48);
  assert.equal(INPUT_ROWS.length, 50);
  const rows = new Map([
    ["row", FAULT_ROWS.length],
    ["input", INPUT_ROWS.length],
  ]);
  for (const [file, titles] of allTitles(ROOT)) {
    for (const title of titles) {
      for (const [, kind = "", row] of title.matchAll(/^(row|input) (\d+):/g)) {
        const last = rows.get(kind) ?? 0;
        assert.ok(Number(row) >= 1 && Number(row) <= last, `${file}: ${title}`);
      }
    }
  }
});

test("titlesOf finds the titles of a source, templates and quotes included", () => {
  const source =
    'test("a \\"b\\"", f);\n  it(`c ${d} e`, g);\ndescribe(\n  \'h\', i); latest("no")';
  assert.deepEqual(titlesOf(source), ['a "b"', "c … e", "h"]);
});
