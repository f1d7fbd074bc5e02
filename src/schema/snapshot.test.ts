import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { SNAPSHOT_BYTES_MAX } from "../limits/schemas.ts";
import { readSnapshot, snapshotFile, type SnapshotScope, writeSnapshot } from "./snapshot.ts";

const ENTRY = { subject: "s", schemaId: 7, version: 3, text: '"string"', references: ['"é"'] };

test("a snapshot comes back as it was written and leaves no other file", async (t) => {
  const scope = await scopeOf(t);
  assert.deepEqual(await readSnapshot(scope), { kind: "none" });
  assert.equal(await writeSnapshot(scope, [ENTRY, { ...ENTRY, subject: "t" }]), undefined);
  assert.equal(await writeSnapshot(scope, [ENTRY]), undefined);
  const read = await readSnapshot(scope);
  assert.deepEqual(read, { kind: "entries", entries: new Map([["s", ENTRY]]) });
  assert.equal((await readdir(scope.directory)).length, 1);
});

test("a snapshot is that of one registry and one pack", async (t) => {
  const scope = await scopeOf(t);
  await writeSnapshot(scope, [ENTRY]);
  assert.deepEqual(await readSnapshot({ ...scope, pack: "other" }), { kind: "none" });
  assert.deepEqual(await readSnapshot({ ...scope, registry: ["http://b"] }), { kind: "none" });
});

test("a damaged snapshot is not used, whatever the damage", async (t) => {
  const scope = await scopeOf(t);
  const file = snapshotFile(scope);
  await writeSnapshot(scope, [ENTRY]);
  const good = await readFile(file, "utf8");
  const damages: readonly (readonly [string, RegExp])[] = [
    ["", /it is not JSON/],
    [good.slice(0, -20), /it is not JSON/],
    ["null", /its format is unknown/],
    [good.replace('"format":1', '"format":2'), /its format is unknown/],
    [good.replace('"schemaId":7', '"schemaId":8'), /its checksum is wrong/],
    [good.replace(/"content":.*/, '"content":{}}'), /its checksum is wrong/],
  ];
  for (const [text, detail] of damages) {
    await writeFile(file, text);
    const read = await readSnapshot(scope);
    assert.ok(read.kind === "damaged", text.slice(0, 80));
    assert.match(read.detail, detail);
    assert.ok(read.detail.startsWith(file));
  }
  await truncate(file, SNAPSHOT_BYTES_MAX + 1);
  assert.equal((await readSnapshot(scope)).kind, "damaged");
});

test("a snapshot that cannot be written is a sentence, not an exception", async (t) => {
  const scope = await scopeOf(t);
  const file = join(scope.directory, "file");
  await writeFile(file, "");
  await chmod(file, 0o400);
  const problem = await writeSnapshot({ ...scope, directory: join(file, "inside") }, [ENTRY]);
  assert.match(problem ?? "", /cannot be written \(ENOTDIR\)/);
});

async function scopeOf(t: TestContext): Promise<SnapshotScope> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-snapshot-"));
  t.after(() => rm(directory, { recursive: true }));
  return { directory, registry: ["http://a"], pack: "p" };
}
