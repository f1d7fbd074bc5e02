/**
 * The store while a real registry dies, comes back empty, and stands still. The registry is one of
 * its own: what it suffers must not reach other suites.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { startInstance } from "../../scripts/services/control.mjs";
import { loadPack, type Pack } from "./pack.ts";
import { RegistryClient } from "./registry.ts";
import { SchemaStore, type SchemaStoreEvent, type TypeSchema } from "./store.ts";

const PACKS = fileURLToPath(new URL("../../packs/", import.meta.url));

test("SchemaStore serves on while its registry dies, comes back empty, stands still", async (t) => {
  const instance = await startInstance("registry", { settings: { storage: "memory" } });
  t.after(() => instance.remove());
  const directory = await mkdtemp(join(tmpdir(), "sluice-outage-"));
  t.after(() => rm(directory, { recursive: true }));
  const pack = await loadPack("aiops", PACKS);
  const place = { address: instance.address, directory, pack };
  const filler = watchedStore(t, { ...place, register: true });
  await filler.store.start();
  assert.deepEqual([...filler.store.missing()], []);
  await filler.store.stop();

  const { store, next } = watchedStore(t, { ...place, register: false });
  await store.start();
  const before = store.held();
  assert.equal(before.length, pack.types.size);

  await instance.kill();
  await next("failed");
  assert.deepEqual(store.held(), before);

  await instance.start();
  await next("unregistered");
  assert.deepEqual(store.held(), before);

  const client = new RegistryClient({ urls: [instance.address], timeoutMs: 5_000 });
  // Numbers are given out again from 1; others take them first, so that all of ours change.
  for (const index of before.keys()) {
    const other = `{"type":"record","name":"Other${index}","fields":[]}`;
    await client.register(`other-${index}`, other);
  }
  for (const { subject, schemaText } of [...pack.types.values()].toReversed()) {
    assert.equal((await client.register(subject, schemaText)).kind, "found");
  }
  const changed = await Promise.all(before.map(({ subject }) => next("new-version", subject)));
  assert.equal(changed.length, before.length);
  for (const { subject, text, schemaId } of store.held()) {
    const latest = await client.latest(subject);
    assert.ok(latest.kind === "found");
    assert.deepEqual([latest.value.id, latest.value.text], [schemaId, text]);
  }
  await store.stop();

  await instance.suspend();
  const restarted = watchedStore(t, { ...place, register: false });
  await restarted.store.start();
  const numbers = ({ subject, schemaId }: TypeSchema): unknown => [subject, schemaId];
  assert.deepEqual(restarted.store.held().map(numbers), store.held().map(numbers));
  instance.resume();
  await restarted.next("fetched");
});

interface Watched {
  readonly store: SchemaStore;
  /** Waits for an event of the kind that was not waited for before. */
  readonly next: (kind: SchemaStoreEvent["kind"], subject?: string) => Promise<SchemaStoreEvent>;
}

function watchedStore(
  t: TestContext,
  place: {
    readonly address: string;
    readonly directory: string;
    readonly pack: Pack;
    readonly register: boolean;
  },
): Watched {
  const events: SchemaStoreEvent[] = [];
  const waiting = new Set<() => void>();
  const store = new SchemaStore({
    pack: place.pack,
    registry: new RegistryClient({ urls: [place.address], timeoutMs: 1_000 }),
    snapshotDirectory: place.directory,
    refreshMs: 200,
    register: place.register,
    onEvent: (event) => {
      events.push(event);
      for (const look of [...waiting]) look();
    },
  });
  t.after(() => store.stop());
  const next: Watched["next"] = (kind, subject) => {
    const { promise, resolve } = Promise.withResolvers<SchemaStoreEvent>();
    const look = (): void => {
      const index = events.findIndex(
        (event) =>
          event.kind === kind &&
          (subject === undefined || ("subject" in event && event.subject === subject)),
      );
      const [event] = index < 0 ? [] : events.splice(index, 1);
      if (event === undefined) return;
      waiting.delete(look);
      resolve(event);
    };
    waiting.add(look);
    look();
    return promise;
  };
  return { store, next };
}
