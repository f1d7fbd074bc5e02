import assert from "node:assert/strict";
import { test } from "node:test";

import { inspectFile } from "./tidy.ts";

const HEADER = "/** What it is. */\n";
const complaints = (text: string, path = "src/room/thing.ts") => inspectFile(path, HEADER + text);

test("inspectFile, a sound file, has nothing to say", () => {
  assert.deepEqual(complaints("export const answer = 42;\n"), []);
});

test("inspectFile, a line over 100 columns, names it and its width", () => {
  assert.deepEqual(complaints(`// ${"x".repeat(98)}\n`), [
    "src/room/thing.ts:2: 101 columns, over 100",
  ]);
});

test("inspectFile, prose over 100 columns, may be", () => {
  assert.deepEqual(inspectFile("docs/page.md", "x".repeat(300)), []);
});

for (const word of [
  "TOD O",
  "FIXM E",
  "XX X",
  "HAC K",
  "an ugly hac k",
  "the brie f",
  "sub-agen ts",
]) {
  test(`inspectFile, the words "${word}", refuses them`, () => {
    assert.equal(complaints(`// ${word.replace(/ (\w+)$/, "$1")}\n`).length, 1);
  });
}

for (const parts of [
  ["/hom", "e/ann/file"],
  ["/roo", "t/.cache"],
  ["/wor", "k/main"],
]) {
  test(`inspectFile, the path ${parts.join("-")}, refuses it`, () => {
    assert.match(complaints(`const path = "${parts.join("")}";\n`).join(), /a path of one machine/);
  });
}

test("inspectFile, a route that begins like a home folder, refuses nothing", () => {
  assert.deepEqual(complaints('const route = "/v1/home/page"; const other = "~/events/x";\n'), []);
});

for (const host of [
  ["registry", "npmjs", "org"],
  ["repo1", "maven", "org"],
  ["proxy", "golang", "org"],
  ["deb", "debian", "org"],
]) {
  test(`inspectFile, the registry host ${host.join(" ")}, refuses it`, () => {
    assert.match(complaints(`// ${host.join(".")}\n`).join(), /the user's affair/);
  });
}

test("inspectFile, code in a comment, refuses it", () => {
  assert.match(complaints("// const old = compute();\n").join(), /code in a comment/);
  assert.match(complaints("// compute(old);\n").join(), /code in a comment/);
});

test("inspectFile, a file name in camel case, refuses it", () => {
  assert.match(complaints("", "src/room/someThing.ts").join(), /kebab-case/);
});

test("inspectFile, a source without a header comment, refuses it", () => {
  assert.match(inspectFile("src/room/thing.ts", "export {};\n").join(), /no header comment/);
  assert.deepEqual(inspectFile("src/room/thing.test.ts", "export {};\n"), []);
});

test("inspectFile, an AssemblyScript function over 70 lines, names it", () => {
  const body = "  x += 1;\n".repeat(69);
  const long = `export function scan(): i32 {\n${body}}\n`;
  assert.deepEqual(complaints(long, "assembly/scan.ts"), [
    "assembly/scan.ts:2: scan has 71 lines, over 70",
  ]);
  assert.deepEqual(complaints(long, "src/room/scan.ts"), []);
});

test("inspectFile, an AssemblyScript file over 400 lines, says so", () => {
  assert.match(complaints("// x\n".repeat(400), "assembly/scan.ts").join(), /401 lines, over 400/);
});
