import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, type TestContext } from "node:test";

import { DEFAULT_POINTERS } from "./pack-file.ts";
import type { Pack, PackType } from "./pack.ts";
import { RegistryClient } from "./registry.ts";
import { SchemaStore, type SchemaStoreEvent, type SchemaStoreOptions } from "./store.ts";
import { FakeClock, until } from "./testing/fake-clock.ts";
import { always, DOWN, FakeRegistry, silent } from "./testing/fake-registry.ts";
import { recordText } from "./testing/registry-contract.ts";

const REFRESH_MS = 30_000;
const directories: string[] = [];
/** With a random value of 0 a pause is the shortest it can be. */
const POLL_MS = REFRESH_MS * 0.8;
const RETRY_MS = 5_000 * 0.8;
const CLICK = recordText("Click", "a");
const CLICK_2 = recordText("Click", "a", "b");
const PAGE = recordText("Page", "a");

test("SchemaStore, embedded: numbers the schemas in the order of the types", async (t) => {
  const { store, events } = await setUp(t, { registry: null });
  const seen: string[] = [];
  store.onChange(({ type }) => seen.push(type.type));
  await store.start();
  assert.deepEqual(
    ["click", "tap", "page"].map((type) => store.current(type)?.schemaId),
    [1, 1, 2],
  );
  assert.deepEqual([seen, store.missing().size], [["click", "tap", "page"], 0]);
  assert.equal(store.byId(2), PAGE);
  assert.equal(store.byId(3), undefined);
  assert.deepEqual(kinds(events), ["loaded clicks", "loaded pages"]);
  assert.equal(store.confirmedAgeMs(), undefined);
  await store.stop();
});

test("SchemaStore: the registry's latest version wins over the pack's file", async (t) => {
  const { store, fake, events } = await setUp(t);
  fake.put("clicks", CLICK);
  const id = fake.put("clicks", CLICK_2);
  fake.put("pages", PAGE);
  await store.start();
  const { schemaId, version, text } = store.current("tap") ?? {};
  assert.deepEqual([schemaId, version, text], [id, 2, CLICK_2]);
  assert.deepEqual(kinds(events).toSorted(), [
    "fetched clicks",
    "fetched pages",
    "loaded clicks",
    "loaded pages",
  ]);
  assert.equal(store.fault("click"), undefined);
  assert.equal(store.fault("nope")?.code, "schema_unknown");
  assert.equal(store.confirmedAgeMs(), 0);
});

test("SchemaStore: another process that makes a subject at the same moment is no trouble", async (t) => {
  const { store, fake, events } = await setUp(t, { register: true });
  let refusals = 0;
  fake.trouble = (url) => {
    const isAdding = url.pathname.endsWith("clicks/versions");
    if (!isAdding || refusals > 0) {
      return Response.json({ error_code: 40_401, message: "Subject not found." }, { status: 404 });
    }
    refusals += 1;
    fake.put("clicks", CLICK);
    fake.put("pages", PAGE);
    fake.trouble = undefined;
    return Response.json({ error_code: 409, message: "It is there." }, { status: 409 });
  };
  await store.start();
  assert.equal(refusals, 1);
  assert.equal(store.fault("click"), undefined);
  assert.ok(!kinds(events).includes("unregistered clicks"));
  await store.stop();
});

test("SchemaStore: a new version is there after the next refresh", async (t) => {
  const { store, fake, clock, events } = await setUp(t);
  fill(fake);
  await store.start();
  const changes: number[] = [];
  store.onChange(({ version }) => changes.push(version));
  fake.put("clicks", CLICK_2);
  await pass(clock, POLL_MS);
  await until(() => store.current("click")?.version === 2);
  assert.deepEqual(changes, [2, 2]);
  assert.deepEqual(
    kinds(events).filter((kind) => kind.startsWith("new")),
    ["new-version clicks"],
  );
});

test("row 28: SchemaStore: a version that cannot be used is refused once, the old one stays", async (t) => {
  const { store, fake, clock, events } = await setUp(t, {
    accept: ({ text }) => (text === CLICK_2 ? "field b is refused" : undefined),
  });
  fill(fake);
  await store.start();
  for (const text of ["not JSON", '"string"', CLICK_2]) {
    fake.put("clicks", text);
    const version = fake.requests.length;
    for (let round = 1; round <= 2; round++) {
      await pass(clock, POLL_MS);
      await until(() => fake.requests.length === version + 2 * round);
    }
  }
  await pass(clock, POLL_MS);
  const refused = events.filter(({ kind }) => kind === "refused-version");
  assert.deepEqual(
    refused.map((event) =>
      "detail" in event ? event.detail.replace(/.*cannot be used: /, "") : "",
    ),
    [
      "the schema is not JSON: a JSON value is expected at line 1, column 1.",
      "it is of the kind string, not a record.",
      "field b is refused.",
    ],
  );
  assert.equal(store.current("click")?.version, 1);
  fake.put("clicks", recordText("Click", "a", "b", "c"));
  await pass(clock, POLL_MS);
  await until(() => store.current("click")?.version === 5);
});

test("SchemaStore: a subject that is not there has its command as the reason", async (t) => {
  const { store, fake, clock, events } = await setUp(t);
  fake.put("pages", PAGE);
  await store.start();
  assert.deepEqual([...store.missing().keys()], ["click", "tap"]);
  const [, reason, file, rest] =
    /^(.*)(?: \S*)(\/packs\/test\/click\.avsc) (.*)$/.exec(store.missing().get("click") ?? "") ??
    [];
  assert.deepEqual(
    [reason, file, rest],
    [
      'The registry http://registry has no subject "clicks"; register it with: ' +
        "./sluice schema register",
      "/packs/test/click.avsc",
      "--subject clicks --registry http://registry",
    ],
  );
  assert.equal(store.fault("click")?.code, "schema_unknown");
  await pass(clock, POLL_MS);
  fake.put("clicks", CLICK);
  await pass(clock, POLL_MS);
  await until(() => store.current("click") !== undefined);
  assert.equal(store.missing().size, 0);
  assert.equal(events.filter(({ kind }) => kind === "unregistered").length, 1);
});

test("SchemaStore, with register: puts the pack's schemas where they are missing", async (t) => {
  const { store, fake, events } = await setUp(t, { register: true });
  await store.start();
  assert.equal(store.missing().size, 0);
  assert.ok(kinds(events).includes("registered clicks"));
  assert.equal(fake.requests.filter((request) => request.startsWith("POST")).length, 2);
});

test("SchemaStore, with register: a refusal of the registry is the reason", async (t) => {
  const { store, fake } = await setUp(t, { register: true });
  fake.refusesAll = true;
  await store.start();
  assert.match(
    store.missing().get("click") ?? "",
    /could not be registered .*: Schema is incompatible\.$/,
  );
  assert.equal(store.fault("click")?.code, "registry_unavailable");
});

test("SchemaStore: a registry that is down at start is tried again soon", async (t) => {
  const { store, fake, clock, events } = await setUp(t);
  fill(fake);
  fake.trouble = DOWN;
  await store.start();
  assert.match(
    store.missing().get("page") ?? "",
    /^The registry http:\/\/registry gives no schema/,
  );
  assert.equal(store.fault("page")?.code, "registry_unavailable");
  assert.deepEqual(new Set(kinds(events)), new Set(["failed clicks", "failed pages"]));
  fake.trouble = undefined;
  await pass(clock, RETRY_MS);
  await until(() => store.missing().size === 0);
});

test("SchemaStore: starts from its snapshot when the registry is down, and says so", async (t) => {
  const first = await setUp(t);
  fill(first.fake);
  first.fake.put("clicks", CLICK_2);
  await first.store.start();
  await first.store.stop();
  const { store, fake, clock, events } = await setUp(t, { snapshotDirectory: first.directory });
  fake.trouble = always(500, "");
  await store.start();
  assert.equal(store.missing().size, 0);
  assert.deepEqual(store.current("click"), first.store.current("click"));
  assert.ok(kinds(events).includes("from-snapshot clicks"));
  fake.trouble = undefined;
  fake.put("clicks", CLICK);
  fake.put("clicks", CLICK_2);
  fake.put("pages", PAGE);
  await pass(clock, POLL_MS);
  await until(() => store.confirmedAgeMs() === 0);
  assert.equal(store.current("click")?.version, 2);
});

test("SchemaStore: does not wait long for a registry when a snapshot can serve", async (t) => {
  const first = await setUp(t);
  fill(first.fake);
  await first.store.start();
  await first.store.stop();
  const { store, fake, clock } = await setUp(t, { snapshotDirectory: first.directory });
  fake.trouble = silent;
  const started = store.start();
  await until(() => fake.requests.length === 2);
  clock.advance(3_000);
  await started;
  assert.equal(store.missing().size, 0);
});

test("SchemaStore: goes on trying behind a start that took too long", async (t) => {
  const { store, fake, clock } = await setUp(t);
  fill(fake);
  fake.trouble = silent;
  const started = store.start();
  await until(() => fake.requests.length === 2);
  clock.advance(3_000);
  await started;
  assert.equal(store.missing().size, 3);
  fake.trouble = undefined;
  clock.advance(7_000);
  await pass(clock, RETRY_MS);
  await until(() => store.missing().size === 0);
});

test("SchemaStore: a damaged snapshot is reported and not used", async (t) => {
  const first = await setUp(t);
  fill(first.fake);
  await first.store.start();
  await first.store.stop();
  for (const name of await readdir(first.directory)) {
    await writeFile(join(first.directory, name), "{");
  }
  const { store, fake, events } = await setUp(t, { snapshotDirectory: first.directory });
  fake.trouble = DOWN;
  await store.start();
  assert.equal(store.missing().size, 3);
  assert.equal(events[0]?.kind, "snapshot-failed");
});

test("row 41: SchemaStore: a snapshot that cannot be written is reported and stops nothing", async (t) => {
  const { directory } = await setUp(t);
  const file = join(directory, "file");
  await writeFile(file, "");
  const { store, fake, events } = await setUp(t, { snapshotDirectory: file });
  fill(fake);
  await store.start();
  assert.equal(store.missing().size, 0);
  assert.equal(events.at(-1)?.kind, "snapshot-failed");
});

test("SchemaStore: a registry that comes back empty does not take the schemas away", async (t) => {
  const { store, fake, clock, events } = await setUp(t);
  fill(fake);
  await store.start();
  const before = store.current("click");
  fake.loseAll();
  for (let round = 0; round < 2; round++) {
    const requests = fake.requests.length;
    await pass(clock, POLL_MS);
    await until(() => fake.requests.length === requests + 2);
  }
  await pass(clock, POLL_MS);
  assert.equal(store.current("click"), before);
  assert.equal(events.filter(({ kind }) => kind === "unregistered").length, 2);
  fake.put("other", recordText("Other", "a"));
  const id = fake.put("clicks", CLICK);
  await pass(clock, POLL_MS);
  await until(() => store.current("click") !== before);
  assert.deepEqual([store.current("click")?.schemaId, store.current("click")?.text], [id, CLICK]);
});

test("SchemaStore, with register: fills an emptied registry with what runs", async (t) => {
  const { store, fake, clock } = await setUp(t, { register: true });
  fake.put("clicks", CLICK);
  fake.put("clicks", CLICK_2);
  await store.start();
  fake.loseAll(50);
  await pass(clock, POLL_MS);
  await until(() => (store.current("click")?.schemaId ?? 0) >= 50);
  const { text, version } = store.current("click") ?? {};
  assert.deepEqual([text, version], [CLICK_2, 1]);
});

test("row 27: SchemaStore: flapping between 5xx and answers never loses a schema", async (t) => {
  const { store, fake, clock } = await setUp(t);
  fill(fake);
  await store.start();
  let calls = 0;
  fake.trouble = (url) => {
    calls++;
    if (calls % 5 === 0) return new Response("<html>", { status: 200 });
    return always(calls % 2 === 0 ? 500 : 429, "{}")(url);
  };
  for (let round = 1; round <= 10; round++) {
    const before = calls;
    await pass(clock, POLL_MS);
    await until(() => calls > before);
    assert.equal(store.missing().size, 0);
  }
});

test("SchemaStore: stop ends a refresh under way and asks no more", async (t) => {
  const { store, fake, clock } = await setUp(t);
  fill(fake);
  await store.start();
  fake.trouble = silent;
  const requests = fake.requests.length;
  await pass(clock, POLL_MS);
  await until(() => fake.requests.length > requests);
  await store.stop();
  const asked = fake.requests.length;
  clock.advance(10 * POLL_MS);
  assert.equal(fake.requests.length, asked);
  assert.deepEqual(clock.pendingMs(), []);
});

after(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

interface SetUp {
  readonly store: SchemaStore;
  readonly fake: FakeRegistry;
  readonly clock: FakeClock;
  readonly events: SchemaStoreEvent[];
  readonly directory: string;
}

async function setUp(t: TestContext, options: Partial<SchemaStoreOptions> = {}): Promise<SetUp> {
  const directory = options.snapshotDirectory ?? (await mkdtemp(join(tmpdir(), "sluice-store-")));
  directories.push(directory);
  const fake = new FakeRegistry();
  const clock = new FakeClock();
  const events: SchemaStoreEvent[] = [];
  const store = new SchemaStore({
    pack: pack(),
    registry: new RegistryClient({
      urls: ["http://registry"],
      timeoutMs: 10_000,
      fetch: fake.fetch,
      clock,
    }),
    snapshotDirectory: directory,
    refreshMs: REFRESH_MS,
    register: false,
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  });
  t.after(() => store.stop());
  return { store, fake, clock, events, directory };
}

function pack(): Pack {
  const type = (name: string, text: string, subject: string): [string, PackType] => [
    name,
    {
      type: name,
      schemaFile: `${name}.avsc`,
      schemaText: text,
      topic: "events",
      subject,
      pointers: DEFAULT_POINTERS,
      keyRequired: false,
      json: "plain",
    },
  ];
  return {
    name: "test",
    directory: "/packs/test",
    payload: "data",
    typeMember: "type",
    context: "",
    topics: new Map([["events", { name: "events", partitions: 1, header: true }]]),
    types: new Map([
      type("click", CLICK, "clicks"),
      type("tap", CLICK, "clicks"),
      type("page", PAGE, "pages"),
    ]),
  };
}

function fill(fake: FakeRegistry): void {
  fake.put("clicks", CLICK);
  fake.put("pages", PAGE);
}

/** Waits until a round is over and the next is due after this time, then lets it pass. */
async function pass(clock: FakeClock, byMs: number): Promise<void> {
  await until(() => clock.pendingMs().includes(byMs));
  clock.advance(byMs);
}

function kinds(events: readonly SchemaStoreEvent[]): readonly string[] {
  return events.map((event) =>
    "subject" in event ? `${event.kind} ${event.subject}` : event.kind,
  );
}
