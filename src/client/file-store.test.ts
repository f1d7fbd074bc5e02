import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { fileStore } from "./file-store.ts";
import type { StreamRecord } from "./types.ts";

const RECORD: StreamRecord = { stream: "s", base: 0, resume: "r", sent: 2, last: 2 };
const event = (id: string) => ({ id, json: `{"id":"${id}"}` });

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-file-store-"));
  path = join(folder, "queue");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("fileStore: events and record outlive the store, keys go on", async () => {
  const first = fileStore(path);
  assert.deepEqual(await first.add([event("a"), event("b")]), [1, 2]);
  await first.settle([1], RECORD);
  const second = fileStore(path);
  assert.deepEqual(await second.load(0), { record: RECORD, events: [[2, event("b")]] });
  await second.settle([2], RECORD);
  const third = fileStore(path);
  assert.deepEqual(await third.add([event("c")]), [3]);
});

test("fileStore: half a line at the end is left out, what comes after it is not", async () => {
  const first = fileStore(path);
  await first.add([event("a")]);
  appendFileSync(path, '{"k":2,"id":"b","js');
  const second = fileStore(path);
  assert.deepEqual((await second.load(0)).events, [[1, event("a")]]);
  await second.add([event("c")]);
  const third = fileStore(path);
  assert.deepEqual(
    (await third.load(0)).events.map(([, { id }]) => id),
    ["a", "c"],
  );
});

test("fileStore: the journal is written anew when most of it is past", async () => {
  const store = fileStore(path);
  for (let round = 0; round < 12; round += 1) {
    const keys = await store.add(Array.from({ length: 100 }, (_, index) => event(`e${index}`)));
    await store.settle(keys.slice(1), { ...RECORD, last: keys.at(-1) ?? 0 });
  }
  assert.ok(readFileSync(path, "utf8").split("\n").length < 300);
  const { events } = await fileStore(path).load(0);
  assert.equal(events.length, 12);
});

test("fileStore: a queue of a process that lives is refused, of one that ended is taken", async () => {
  writeFileSync(`${path}.owner`, String(process.ppid));
  await assert.rejects(fileStore(path).load(0), /belongs to process/);
  // No process has this number: Linux has at most 4 194 304.
  writeFileSync(`${path}.owner`, "99999999");
  assert.deepEqual((await fileStore(path).load(0)).events, []);
});
