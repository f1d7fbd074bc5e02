import assert from "node:assert/strict";
import { test } from "node:test";
import { tableOfKeys } from "../admission/key-list.ts";
import { VERDICT } from "../records.ts";
import type { Refusals } from "../pipeline/faults.ts";
import { isFlagged } from "./testing/fake-pipeline.ts";
import { ModelStore } from "./testing/model-store.ts";
import {
  AT_ONCE,
  STREAM,
  TOKEN,
  last,
  openClient,
  openSocket,
  setUp,
  settle,
  settled,
} from "./testing/setup.ts";

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));

test("StreamConnection: outcomes of every kind come in one ack, each once", async () => {
  const setup = setUp();
  await setup.hello();
  setup.pub(1, 4);
  const [batch] = setup.pipeline.batches;
  batch?.rejections.set(1, {
    id: "e-2",
    fault: { code: "schema_invalid", kind: "type", path: "/data/n", detail: "d" },
    deadLettered: true,
  });
  settle(batch, (row) => {
    if (row === 1) batch?.recordStored(row);
    else if (row === 2) batch?.recordFailed(row, "kafka_timeout");
    else batch?.recordStored(row);
  });
  await settled();
  const ack = last(setup, "ack");
  assert.equal(ack["upto"], 2);
  assert.deepEqual(ack["sack"], [[4, 4]]);
  assert.deepEqual(ack["rej"], [
    {
      seq: 2,
      id: "e-2",
      code: "schema_invalid",
      kind: "type",
      path: "/data/n",
      detail: "d",
      dlq: true,
    },
  ]);
  const retry = { seq: 3, code: "kafka_timeout", after_ms: 2_000, detail: "again" };
  assert.deepEqual(ack["retry"], [retry]);
  setup.pub(3, 1);
  settle(setup.pipeline.batches[1], (row) => setup.pipeline.batches[1]?.recordStored(row));
  await settled();
  const next = last(setup, "ack");
  assert.equal(next["upto"], 4);
  assert.equal(next["rej"], undefined);
  assert.equal(next["retry"], undefined);
});

test("StreamConnection: repeats are reported or ignored, never handed on; a gap closes", async () => {
  const setup = setUp();
  await setup.hello();
  setup.pub(1, 2);
  setup.pub(2, 2);
  const second = setup.pipeline.batches[1];
  assert.deepEqual([...(second?.verdicts ?? [])], [VERDICT.ignored, VERDICT.open]);
  settle(setup.pipeline.batches[0], (row) => setup.pipeline.batches[0]?.recordStored(row));
  setup.pub(1, 1);
  await settled();
  assert.deepEqual(last(setup, "ack")["dup"], [[1, 1]]);
  setup.pub(9, 1);
  assert.deepEqual(setup.closed, [4400]);
  assert.equal(last(setup, "error")["code"], "seq_gap");
  assert.match(String(last(setup, "error")["detail"]), /9 was sent, 4 is next/);
});

test("StreamConnection: credit bounds seq, rises with acks, and stays under pressure", async () => {
  const setup = setUp();
  await setup.hello();
  assert.deepEqual(last(setup, "welcome")["credit"], { seq: 100, bytes: 131_072 });
  setup.conditions.pressure = "kafka";
  setup.pub(1, 100);
  settle(setup.pipeline.batches[0]);
  await settled();
  assert.equal(last(setup, "ack")["credit"], undefined);
  const paused = { seq: 100, bytes: 131_072, reason: "kafka", after_ms: 2_000 };
  assert.deepEqual(last(setup, "credit"), { t: "credit", ...paused });
  setup.conditions.pressure = "memory";
  setup.hub.tick();
  assert.equal(last(setup, "credit")["reason"], "memory");
  setup.conditions.pressure = null;
  setup.hub.tick();
  const credit = last(setup, "credit");
  assert.equal(credit["seq"], 100 + 2 * 64, "the least allowance, doubled because all was used");
  assert.equal(credit["reason"], undefined);
  const further = setUp();
  await further.hello();
  further.pub(1, 101);
  assert.deepEqual(further.closed, [4429]);
});

test("StreamConnection: more bytes than credit allows close it, re-sends included", async () => {
  const setup = setUp();
  await setup.hello();
  const frame = { t: "pub", seq: 1, events: ["x".repeat(16_000)] };
  for (let seq = 1; setup.closed.length === 0 && seq < 20; seq += 1) setup.say({ ...frame, seq });
  assert.deepEqual(setup.closed, [4429]);
  assert.equal(setup.pipeline.batches.length, 8, "128 KiB were let through");
});

test("StreamHub: over-committed credit gives newcomers' acks the least", async () => {
  const setup = setUp({ creditEventsMax: 150 });
  const greedy = openClient(setup.hub);
  await setup.hello();
  await greedy.hello({ stream: STREAM.replace("01", "02") });
  assert.equal(setup.hub.creditEvents, 200);
  setup.connection.onClose();
  greedy.connection.onClose();
  assert.equal(setup.hub.creditEvents, 0);
});

test("StreamConnection: held numbers of an unknown stream are trusted, and flagged", async () => {
  const setup = setUp();
  const flags: boolean[] = [];
  setup.pipeline.onRun = (frame) => flags.push(isFlagged(frame, 0));
  await setup.hello({ held: [[41, 60]], next: 61 });
  const welcome = last(setup, "welcome");
  assert.equal(welcome["done"], 40);
  assert.equal(welcome["dup_possible"], true);
  assert.equal(welcome["resumed"], false);
  assert.deepEqual(welcome["credit"], { seq: 160, bytes: 131_072 });
  setup.pub(41, 3);
  setup.pub(61, 1);
  assert.deepEqual(setup.closed, []);
  assert.deepEqual(flags, [true, false]);
  assert.deepEqual(setup.welcomed, ["unsure"]);
});

test("StreamConnection: what came back as retry is flagged if Kafka may have it", async () => {
  const setup = setUp();
  const flags: boolean[] = [];
  setup.pipeline.onRun = (frame) => flags.push(isFlagged(frame, 0));
  await setup.hello();
  setup.pub(1, 2);
  const [batch] = setup.pipeline.batches;
  settle(batch, (row) => batch?.recordFailed(row, row === 0 ? "kafka_timeout" : "overloaded"));
  await settled();
  setup.pub(1, 1);
  setup.pub(2, 1);
  assert.deepEqual(flags, [false, true, false]);
});

test("StreamConnection: a known stream is resumed with its token and told what it missed", async () => {
  const store = new ModelStore(AT_ONCE);
  const first = setUp({ store });
  await first.hello({ next: 1 });
  const { resume, epoch, ttl } = last(first, "welcome");
  assert.ok(String(resume).startsWith(TOKEN));
  assert.equal(ttl, store.ttlSeconds);
  first.pub(1, 4);
  const [batch] = first.pipeline.batches;
  const fault = { code: "schema_invalid", kind: "type", path: "/data/n", detail: "d" } as const;
  batch?.rejections.set(1, { id: "e-2", fault, deadLettered: true });
  first.wire.drops = true;
  settle(batch, (row) =>
    row === 3 ? batch?.recordFailed(row, "overloaded") : batch?.recordStored(row),
  );
  await settled();
  assert.deepEqual(first.closed, [1006], "the ack did not get through");
  const again = setUp({ store });
  await again.hello({ held: [[1, 4]], next: 5, resume });
  const welcome = last(again, "welcome");
  assert.equal(welcome["resumed"], true);
  assert.equal(welcome["done"], 3);
  assert.deepEqual(welcome["exc"], [{ seq: 2, ...fault }]);
  assert.equal(welcome["dup_possible"], false);
  assert.ok(Number(welcome["epoch"]) > Number(epoch));
  const stranger = setUp({ store });
  await stranger.hello({ held: [[1, 4]], next: 5, resume: "forged" });
  assert.deepEqual(stranger.closed, [4410]);
  assert.equal(last(stranger, "error")["code"], "resume_denied");
  const rolledBack = setUp({ store });
  await rolledBack.hello({ next: 2, resume });
  assert.deepEqual(rolledBack.closed, [4410], "its numbers would be used twice");
});

test("StreamConnection: the last claim has the stream, after what is in flight", async () => {
  const store = new ModelStore(AT_ONCE);
  const first = setUp({ store });
  await first.hello();
  first.pub(1, 2);
  const second = setUp({ store });
  store.claimMs = () => 1;
  const welcomed = second.hello({ held: [[1, 2]], next: 3, resume: TOKEN });
  settle(first.pipeline.batches[0]);
  await welcomed;
  assert.deepEqual(first.closed, [4409]);
  assert.equal(last(first, "error")["code"], "superseded");
  assert.equal(last(second, "welcome")["done"], 2);
  assert.equal(last(second, "welcome")["dup_possible"], false);
});

test("StreamConnection: two sockets of one process: the second one wins", async () => {
  const setup = setUp();
  await setup.hello();
  const second = openClient(setup.hub);
  await second.hello({ next: 1, resume: TOKEN });
  assert.deepEqual(setup.closed, [4409]);
  assert.equal(last(second, "welcome")["resumed"], true);
  second.pub(1, 1);
  assert.equal(setup.pipeline.batches.length, 1);
});

test("StreamConnection: a superseded lease takes no batch any more, and its epoch is in each", async () => {
  const store = new ModelStore(AT_ONCE);
  const claim = store.claim.bind(store);
  const leases: { isSuperseded: boolean }[] = [];
  store.claim = async (request) => {
    const claimed = await claim(request);
    assert.ok(claimed.kind === "claimed");
    leases.push(claimed.lease);
    return claimed;
  };
  const setup = setUp({ store });
  const epochs: unknown[] = [];
  setup.pipeline.onRun = ({ context }) => epochs.push(context.stream?.epoch);
  await setup.hello();
  setup.pub(1, 1);
  assert.deepEqual(epochs, [last(setup, "welcome")["epoch"]]);
  const [lease] = leases;
  assert.ok(lease !== undefined);
  lease.isSuperseded = true;
  setup.pub(2, 1);
  assert.deepEqual(setup.closed, [4409]);
  assert.equal(epochs.length, 1, "nothing more was handed over");
});

test("StreamConnection: refusals of hello have their close codes", async () => {
  const closedBy = async (members: object) => {
    const setup = setUp();
    await setup.hello(members);
    return { code: setup.closed[0], error: last(setup, "error")["code"] };
  };
  assert.deepEqual(await closedBy({ auth: "nope" }), { code: 4401, error: "unauthenticated" });
  assert.deepEqual(await closedBy({ v: 2 }), { code: 4426, error: "version_unsupported" });
  assert.deepEqual(await closedBy({ order: "strict" }), { code: 4426, error: "order_unsupported" });
  assert.deepEqual(await closedBy({ order: "none" }), { code: 4400, error: "bad_frame" });
  const empty = setUp();
  empty.connection.onMessage(new Uint8Array(0), false);
  assert.deepEqual(empty.closed, [4400]);
});

test("StreamConnection: credentials expire, are renewed, and stay with their sender", async () => {
  const setup = setUp({ expiresAtMs: 10_000 });
  await setup.hello();
  assert.equal(last(setup, "welcome")["auth_exp"], 10_000);
  setup.say({ t: "auth", token: "demo" });
  await nextTurn();
  assert.equal(last(setup, "auth_ok")["auth_exp"], 10_000);
  setup.conditions.atMs = 10_000;
  setup.hub.tick();
  assert.deepEqual(setup.closed, [4401]);
  const other = setUp();
  await other.hello();
  other.say({ t: "auth", token: "other" });
  await nextTurn();
  assert.deepEqual(other.closed, [4403]);
});

test("StreamConnection: who is no longer in the table of tenants is sent away, the others stay", async () => {
  const setup = setUp();
  await setup.hello();
  setup.hub.admission.replace(tableOfKeys([{ key: "demo", tenant: "demo", source: "default" }]));
  setup.hub.recheck();
  assert.deepEqual(setup.closed, []);
  setup.hub.admission.replace(tableOfKeys([]));
  setup.hub.recheck();
  assert.deepEqual(setup.closed, [4401]);
});

test("StreamConnection: where nobody can tell, the client is to come back", async () => {
  const setup = setUp();
  setup.hub.admission.admit = async () => ({
    kind: "refused",
    code: "unavailable",
    detail: "the issuer is away",
  });
  await setup.hello();
  assert.deepEqual(setup.closed, [1013]);
  assert.equal(last(setup, "error")["code"], "unavailable");
});

test("StreamConnection: credentials right behind a hello wait for its own", async () => {
  const setup = setUp();
  const welcome = setup.hello();
  setup.say({ t: "auth", token: "demo" });
  await welcome;
  assert.deepEqual(
    setup.said.map(({ t }) => t),
    ["welcome", "auth_ok"],
  );
  assert.deepEqual(setup.closed, []);
});

test("StreamConnection: too many frames that are not events are abuse", async () => {
  const setup = setUp();
  await setup.hello();
  for (let n = 0; n < 200 && setup.closed.length === 0; n += 1) setup.say({ t: "ping", n });
  assert.deepEqual(setup.closed, [1008]);
  const empty = setUp();
  await empty.hello();
  for (let n = 0; n < 200 && empty.closed.length === 0; n += 1) empty.pub(1, 0);
  assert.deepEqual(empty.closed, [1008]);
});

test("StreamHub: silence before hello, silence after, Kafka away for too long", async () => {
  const mute = setUp();
  mute.conditions.atMs = 5_001;
  mute.hub.tick();
  assert.deepEqual(mute.closed, [4408]);
  const silent = setUp();
  await silent.hello();
  for (const atMs of [25_001, 50_001]) {
    silent.conditions.atMs = atMs;
    silent.hub.tick();
    assert.equal(silent.said.at(-1)?.t, "ping");
    assert.equal(silent.said.at(-1)?.["time"], atMs);
  }
  silent.conditions.atMs = 75_001;
  silent.hub.tick();
  assert.deepEqual(silent.closed, [1001]);
  const slow = setUp();
  await slow.hello();
  const streams: unknown[] = [];
  slow.pipeline.onRun = ({ context }) => void streams.push(context.stream);
  for (const [seq, atMs] of [
    [1, 25_001],
    [2, 50_002],
  ] as const) {
    slow.pub(seq, 1);
    slow.conditions.atMs = atMs;
    slow.hub.tick();
    assert.equal(last(slow, "ping")["time"], atMs, "events come after a ping as before it");
  }
  const stream = { id: Buffer.from(STREAM.replaceAll("-", ""), "hex"), epoch: 1 };
  assert.deepEqual(streams, [stream, stream]);
  const hopeless = setUp();
  await hopeless.hello();
  hopeless.conditions.kafkaAway = true;
  hopeless.hub.tick();
  for (const atMs of [60_000, 120_001]) {
    hopeless.say({ t: "pong", n: 1 });
    assert.deepEqual(hopeless.closed, []);
    hopeless.conditions.atMs = atMs;
    hopeless.hub.tick();
  }
  assert.deepEqual(hopeless.closed, [4503]);
  const full = setUp({ streamsMax: 0 });
  assert.deepEqual([full.closed, full.refused], [[1013], ["full"]]);
  assert.equal(full.hub.size, 0, "who was sent away is forgotten");
});

test("StreamHub: an old connection is asked to come back, and keeps its credit", async () => {
  const setup = setUp();
  await setup.hello();
  setup.conditions.atMs = 4 * 3_600_000 + 1;
  setup.say({ t: "pong", n: 1 });
  setup.hub.tick();
  const goaway = last(setup, "goaway");
  assert.equal(goaway["reason"], "max_age");
  assert.equal(last(setup, "credit")["reason"], "drain");
  setup.pub(1, 2);
  settle(setup.pipeline.batches[0]);
  await settled();
  assert.equal(last(setup, "ack")["upto"], 2);
  assert.equal(last(setup, "ack")["credit"], undefined);
  setup.conditions.atMs += Number(goaway["after_ms"]) + 1_001;
  setup.hub.tick();
  assert.deepEqual(setup.closed, [1012]);
});

test("StreamHub: a drain lets clients leave by themselves, and waits for what is in flight", async () => {
  const leaving = setUp();
  await leaving.hello();
  const busy = openClient(leaving.hub);
  await busy.hello({ stream: STREAM.replace("01", "02") });
  busy.pub(1, 1);
  const mute = openClient(leaving.hub);
  const gone = leaving.hub.drain(new AbortController().signal);
  assert.deepEqual(mute.closed, [1012], "who has not said hello has nothing to wait for");
  assert.equal(last(leaving, "goaway")["after_ms"], 8);
  assert.equal(last(leaving, "goaway")["reason"], "drain");
  await settled();
  assert.deepEqual(leaving.closed, [], "it may leave by itself");
  leaving.say({ t: "bye", last: 0 });
  assert.deepEqual(leaving.closed, [1000]);
  leaving.conditions.atMs = 1_100;
  leaving.hub.tick();
  assert.deepEqual(busy.closed, [], "its event is in flight");
  settle(leaving.pipeline.batches[0]);
  await gone;
  assert.equal(last(busy, "ack")["upto"], 1);
  assert.deepEqual(busy.closed, [1012]);
  const late = openClient(leaving.hub);
  assert.deepEqual(late.closed, [1012]);
});

test("StreamHub: a drain ends at its deadline", async () => {
  const setup = setUp();
  await setup.hello();
  setup.pub(1, 1);
  await setup.hub.drain(AbortSignal.abort());
  assert.deepEqual(setup.closed, [1012]);
});

test("StreamHub: sockets that are sent away leave their place to others", () => {
  const setup = setUp({ streamsMax: 1 });
  const quiet = { send: () => true, end: () => {}, cut: () => {} };
  for (let i = 0; i < 3; i += 1) openSocket(setup.hub, quiet);
  assert.equal(setup.hub.size, 1);
  setup.connection.onClose();
  assert.equal(setup.hub.size, 0);
  assert.equal(openSocket(setup.hub, quiet).state, "awaiting-hello");
  setup.conditions.hard = true;
  openSocket(setup.hub, quiet);
  assert.deepEqual(setup.refused, ["full", "full", "full", "full"]);
});

test("StreamConnection: an ack that was dropped ends the connection, so that none makes up for it", async () => {
  const setup = setUp();
  await setup.hello();
  setup.pub(1, 2);
  const [batch] = setup.pipeline.batches;
  setup.wire.drops = true;
  batch?.decide(0, VERDICT.rejected, "schema_invalid");
  batch?.progress();
  await settled();
  setup.wire.drops = false;
  batch?.recordStored(1);
  batch?.commitSettled();
  await settled();
  assert.deepEqual(setup.closed, [1006]);
  assert.equal(
    setup.said.find((frame) => frame.t === "ack"),
    undefined,
  );
});

test("StreamConnection: frames behind one that waits keep their order and have a bound", async () => {
  const setup = setUp();
  await setup.hello();
  const wait = Promise.withResolvers<Refusals>();
  setup.pipeline.waitFor = wait.promise;
  setup.pub(1, 1);
  setup.pub(2, 1);
  setup.say({ t: "bye", last: 2 });
  assert.equal(setup.pipeline.batches.length, 0);
  assert.equal(setup.connection.isBusy, true);
  wait.resolve(new Map());
  await wait.promise;
  await settled();
  assert.deepEqual(
    setup.pipeline.batches.map(({ seq }) => seq),
    [1, 2],
  );
  assert.equal(setup.connection.state, "leaving");
  const flooded = setUp();
  await flooded.hello();
  flooded.pipeline.waitFor = new Promise(() => {});
  const frame = JSON.stringify({ t: "pub", seq: 1, events: ["x".repeat(4_000)] });
  for (let i = 0; i < 1_000 && flooded.closed.length === 0; i += 1) flooded.say(frame);
  assert.deepEqual(flooded.closed, [4429]);
});

test("StreamConnection: frames of one turn that go on from one another share a batch", async () => {
  const setup = setUp();
  setup.pipeline.joins = () => true;
  await setup.hello();
  setup.pub(1, 1);
  setup.pub(2, 2);
  setup.pub(1, 1);
  setup.pub(4, 1);
  await settled();
  setup.pub(5, 1);
  const { batches } = setup.pipeline;
  assert.deepEqual(
    batches.map(({ seq, count, frames }) => [seq, count, frames]),
    [
      [1, 3, 2],
      [1, 1, 1],
      [4, 1, 1],
      [5, 1, 1],
    ],
    "not with a repeat, nor with frames behind one, nor with those of an earlier turn",
  );
  for (const row of [0, 2]) batches[0]?.recordStored(row);
  batches[0]?.commitSettled();
  await settled();
  assert.equal(last(setup, "ack")["upto"], 0, "seq 1 came again and is ignored, 3 is not told yet");
  settle(batches[0]);
  for (const batch of batches.slice(2)) settle(batch);
  await settled();
  assert.equal(last(setup, "ack")["upto"], 5);
  setup.pub(6, 1);
  setup.pub(8, 1);
  assert.equal(last(setup, "error")["code"], "seq_gap");
  assert.deepEqual(
    [batches.length, batches[4]?.count],
    [5, 1],
    "what came before it is on its way",
  );
});

test("StreamConnection: frames that share a batch are told their outcomes one by one", async () => {
  const setup = setUp();
  setup.pipeline.joins = () => true;
  await setup.hello();
  for (let seq = 1; seq <= 4; seq += 1) setup.pub(seq, 1);
  settle(setup.pipeline.batches[0], (row) => {
    const batch = setup.pipeline.batches[0];
    if (row === 2) batch?.recordFailed(row, "kafka_timeout");
    else batch?.recordStored(row);
  });
  await settled();
  const ack = last(setup, "ack");
  assert.deepEqual([ack["upto"], ack["sack"]], [2, [[4, 4]]]);
  assert.deepEqual(
    (ack["retry"] as { seq: number }[]).map(({ seq }) => seq),
    [3],
  );
  assert.equal(setup.pipeline.batches.length, 1);
});

test("StreamConnection: so many events share a batch and no more", async () => {
  const setup = setUp();
  await setup.hello();
  let credit = 100;
  let next = 1;
  while (credit - next < 300) {
    setup.pub(next, credit - next + 1);
    next = credit + 1;
    settle(setup.pipeline.batches.at(-1));
    await settled();
    credit = (last(setup, "ack")["credit"] as { readonly seq: number }).seq;
  }
  const { batches } = setup.pipeline;
  setup.pipeline.joins = () => true;
  const before = batches.length;
  for (const seq of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((frame) => next + 30 * frame)) {
    setup.pub(seq, 30);
  }
  assert.deepEqual(
    batches.slice(before).map(({ count }) => count),
    [90, 90, 90, 30],
  );
  assert.deepEqual(setup.closed, []);
});
