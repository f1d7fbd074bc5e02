import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission } from "../admission/admission.ts";
import { VERDICT } from "../records.ts";
import type { RecordTable } from "../records.ts";
import { Batch } from "../pipeline/batch.ts";
import type { BatchListener } from "../pipeline/batch.ts";
import { Deadlines } from "../pipeline/deadlines.ts";
import type { Refusals } from "../pipeline/faults.ts";
import type { OpenFrame, OpenResult, Pipeline } from "../pipeline/pipeline.ts";
import type { StreamConnection } from "./connection.ts";
import type { StreamSocket } from "./socket.ts";
import { StreamHub } from "./hub.ts";

const STREAM = "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f60";
const DEMO = { tenant: "demo", source: "default" };

interface PubFrame {
  readonly t: string;
  readonly seq: number;
  readonly events: readonly unknown[];
}

/** Reads frames with JSON.parse and keeps batches until a test settles them. */
class FakePipeline {
  readonly batches: Batch[] = [];
  /** Frames wait for this before they are opened. */
  waitFor: Promise<Refusals> | null = null;

  open(bytes: Uint8Array, _context: object, refusals: Refusals | null): OpenResult {
    if (this.waitFor !== null && refusals === null) {
      const ready = this.waitFor;
      this.waitFor = null;
      return { kind: "waiting", ready };
    }
    const text = Buffer.from(bytes).toString("utf8");
    let frame: PubFrame;
    try {
      frame = JSON.parse(text) as PubFrame;
    } catch {
      return { kind: "fault", problem: "bad_json", offset: 0, detail: "no JSON" };
    }
    if (frame.t !== "pub") return { kind: "control", t: frame.t };
    const watch = { rowStored: () => {}, progressed: () => {}, retryDetail: () => "again" };
    const batch = new Batch(frame.events.length, { seq: frame.seq, receivedAtMs: 0, watch });
    // The connection looks at no column but the header's, which is absent.
    const table = { headerStart: [], headerEnd: [] } as unknown as RecordTable;
    const context = {} as OpenFrame["context"];
    const size = bytes.length;
    return { kind: "open", batch, table, context, bytes: size, refusals: new Map() };
  }

  run(frame: OpenFrame, listener: BatchListener): void {
    frame.batch.listen(listener);
    this.batches.push(frame.batch);
    if (frame.batch.openCount < frame.batch.count || frame.batch.count === 0) {
      frame.batch.progress();
    }
  }
}

interface Said {
  readonly t: string;
  readonly [member: string]: unknown;
}

function setUp(options: { readonly streamsMax?: number } = {}) {
  const pipeline = new FakePipeline();
  const clock = { atMs: 0, pressure: false, hard: false };
  const refused: string[] = [];
  const hub = new StreamHub({
    // A fake with the two verbs that streams use.
    pipeline: pipeline as unknown as Pipeline,
    admission: new Admission({ writeKeys: [{ key: "demo", ...DEMO }], keyless: null }),
    deadlines: new Deadlines({ ttlMs: 1_000, code: "kafka_timeout", clockMs: () => clock.atMs }),
    limits: {
      frameBytesMax: 4_096,
      frameEventsMax: 500,
      eventBytesMax: 1_024,
      payload: "data",
      typeMember: "type",
    },
    pingMs: 25_000,
    helloTimeoutMs: 5_000,
    streamsMax: options.streamsMax ?? 10,
    now: () => clock.atMs,
    clockMs: () => clock.atMs,
    pressure: () => (clock.pressure ? "kafka" : null),
    overHardMark: () => clock.hard,
    onRefused: (reason) => void refused.push(reason),
    random: () => 0.5,
    processId: "p",
    onAnswered: () => {},
    onFailure: (error) => assert.fail(String(error)),
  });
  const said: Said[] = [];
  const closed: number[] = [];
  const wire = { drops: false };
  // As with uWebSockets, the close handler runs inside `end`, before the opener has its connection.
  const opened = openSocket(hub, {
    send: (text: string) => {
      if (!wire.drops) said.push(JSON.parse(text) as Said);
      return !wire.drops;
    },
    end: (code: number) => void closed.push(code),
    cut: () => void closed.push(1006),
  });
  const say = (frame: object | string) => {
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    opened.onMessage(Buffer.from(text), false);
  };
  const hello = (members: object = {}) => {
    say({ t: "hello", v: 1, auth: "demo", stream: STREAM, next: 1, ...members });
  };
  const pub = (seq: number, count: number) => {
    say({ t: "pub", seq, events: Array.from({ length: count }, () => ({})) });
  };
  return { hub, pipeline, clock, said, closed, refused, wire, connection: opened, say, hello, pub };
}

function openSocket(hub: StreamHub, socket: StreamSocket): StreamConnection {
  let connection: StreamConnection | null = null;
  const end = (code: number, reason: string) => {
    socket.end(code, reason);
    connection?.onClose();
  };
  connection = hub.open({ ...socket, end }, { credentials: null, origin: "", loopback: true });
  return connection;
}

type Setup = ReturnType<typeof setUp>;

/** Acks are said at the end of the microtask queue. */
async function flushed(): Promise<void> {
  await Promise.resolve();
  await Promise.resolve();
}

function settle(batch: Batch | undefined, outcome: (row: number) => void): void {
  assert.ok(batch !== undefined);
  for (let row = 0; row < batch.count; row += 1) {
    if (batch.verdicts[row] === VERDICT.open) outcome(row);
  }
  batch.commitSettled();
}

function last(setup: Setup, t: string): Said {
  const found = setup.said.findLast((frame) => frame.t === t);
  assert.ok(found !== undefined, `a frame ${t} was said`);
  return found;
}

const FRAMES = {
  hello: { t: "hello", v: 1, auth: "demo", stream: STREAM, next: 1 },
  pub: { t: "pub", seq: 1, events: [{}] },
  auth: { t: "auth", token: "demo" },
  ping: { t: "ping", n: 7 },
  bye: { t: "bye", last: 0 },
  unknown: { t: "nonsense" },
  broken: "{",
} as const;

/** What each frame leads to: a close code, or the frame that is said; "" for nothing. */
const TABLE = {
  "awaiting-hello": {
    hello: "welcome",
    pub: 4408,
    auth: 4408,
    ping: 4408,
    bye: 4408,
    unknown: 4408,
    broken: 4400,
  },
  open: {
    hello: 4400,
    pub: "ack",
    auth: "auth_ok",
    ping: "pong",
    bye: 1000,
    unknown: "error",
    broken: 4400,
  },
  leaving: {
    hello: 4400,
    pub: 4400,
    auth: "auth_ok",
    ping: "pong",
    bye: "",
    unknown: "error",
    broken: 4400,
  },
  closed: { hello: "", pub: "", auth: "", ping: "", bye: "", unknown: "", broken: "" },
} as const;

function enter(setup: Setup, state: keyof typeof TABLE): void {
  if (state === "awaiting-hello") return;
  setup.hello();
  if (state === "leaving") {
    // Something in flight keeps the connection from closing at once.
    setup.say({ t: "pub", seq: 1, events: [{}] });
    setup.say({ t: "bye", last: 1 });
  }
  if (state === "closed") setup.connection.onClose();
}

for (const [state, cells] of Object.entries(TABLE)) {
  for (const [name, expected] of Object.entries(cells)) {
    test(`StreamConnection ${state}: ${name} → ${expected || "nothing"}`, async () => {
      const setup = setUp();
      // Both are keys of the tables they come from.
      enter(setup, state as keyof typeof TABLE);
      await flushed();
      setup.said.length = 0;
      setup.say(FRAMES[name as keyof typeof FRAMES]);
      const [batch] = setup.pipeline.batches;
      if (name === "pub" && state === "open") settle(batch, (row) => batch?.recordStored(row));
      await flushed();
      if (typeof expected === "number") assert.deepEqual(setup.closed, [expected]);
      else {
        assert.deepEqual(setup.closed, []);
        assert.equal(setup.said.at(0)?.t ?? "", expected);
      }
    });
  }
}

test("StreamConnection: outcomes of every kind come in one ack, each once", async () => {
  const setup = setUp();
  setup.hello();
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
  await flushed();
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
  await flushed();
  const next = last(setup, "ack");
  assert.equal(next["upto"], 4);
  assert.equal(next["rej"], undefined);
  assert.equal(next["retry"], undefined);
});

test("StreamConnection: repeats are reported or ignored, never handed on; a gap closes", async () => {
  const setup = setUp();
  setup.hello();
  setup.pub(1, 2);
  setup.pub(2, 2);
  const second = setup.pipeline.batches[1];
  assert.deepEqual([...(second?.verdicts ?? [])], [VERDICT.ignored, VERDICT.open]);
  settle(setup.pipeline.batches[0], (row) => setup.pipeline.batches[0]?.recordStored(row));
  setup.pub(1, 1);
  await flushed();
  assert.deepEqual(last(setup, "ack")["dup"], [[1, 1]]);
  setup.pub(9, 1);
  assert.deepEqual(setup.closed, [4400]);
  assert.equal(last(setup, "error")["code"], "seq_gap");
  assert.match(String(last(setup, "error")["detail"]), /9 was sent, 4 is next/);
});

test("StreamConnection: credit bounds seq, rises with acks, and stays under pressure", async () => {
  const setup = setUp();
  setup.hello();
  assert.deepEqual(last(setup, "welcome")["credit"], { seq: 100, bytes: 131_072 });
  setup.clock.pressure = true;
  setup.pub(1, 100);
  settle(setup.pipeline.batches[0], (row) => setup.pipeline.batches[0]?.recordStored(row));
  await flushed();
  assert.equal(last(setup, "ack")["credit"], undefined);
  assert.deepEqual(last(setup, "credit"), {
    t: "credit",
    seq: 100,
    bytes: 131_072,
    reason: "kafka",
  });
  setup.clock.pressure = false;
  setup.hub.tick();
  assert.equal(last(setup, "credit")["seq"], 1_100);
  const further = setUp();
  further.hello();
  further.pub(1, 101);
  assert.deepEqual(further.closed, [4429]);
});

test("StreamConnection: held numbers are trusted and what they say is flagged possible repeats", () => {
  const setup = setUp();
  setup.hello({ held: [[41, 60]], next: 61 });
  const welcome = last(setup, "welcome");
  assert.equal(welcome["done"], 40);
  assert.equal(welcome["dup_possible"], true);
  assert.equal(welcome["resumed"], false);
  setup.pub(41, 3);
  assert.deepEqual(setup.closed, []);
});

test("StreamConnection: refusals of hello have their close codes", () => {
  const wrongKey = setUp();
  wrongKey.hello({ auth: "nope" });
  assert.deepEqual(wrongKey.closed, [4401]);
  const wrongVersion = setUp();
  wrongVersion.hello({ v: 2 });
  assert.deepEqual(wrongVersion.closed, [4426]);
  const long = setUp();
  long.connection.onMessage(new Uint8Array(5_000), false);
  assert.deepEqual(long.closed, [1009]);
  const binary = setUp();
  binary.connection.onMessage(new Uint8Array(5), true);
  assert.deepEqual(binary.closed, [1003]);
  const empty = setUp();
  empty.connection.onMessage(new Uint8Array(0), false);
  assert.deepEqual(empty.closed, [4400]);
});

test("StreamHub: silence before hello, silence after, too many, drain", async () => {
  const mute = setUp();
  mute.clock.atMs = 5_001;
  mute.hub.tick();
  assert.deepEqual(mute.closed, [4408]);
  const silent = setUp();
  silent.hello();
  for (const atMs of [25_001, 50_001]) {
    silent.clock.atMs = atMs;
    silent.hub.tick();
    assert.equal(silent.said.at(-1)?.t, "ping");
  }
  silent.clock.atMs = 75_001;
  silent.hub.tick();
  assert.deepEqual(silent.closed, [1001]);
  const full = setUp({ streamsMax: 0 });
  assert.deepEqual([full.closed, full.refused], [[1013], ["full"]]);
  assert.equal(full.hub.size, 0, "who was sent away is forgotten");
  const drained = setUp();
  drained.hello();
  drained.pub(1, 1);
  const gone = drained.hub.drain(1_000, new AbortController().signal);
  assert.equal(last(drained, "goaway")["after_ms"], 500);
  assert.deepEqual(drained.closed, []);
  settle(drained.pipeline.batches[0], (row) => drained.pipeline.batches[0]?.recordStored(row));
  await gone;
  assert.equal(last(drained, "ack")["upto"], 1);
  assert.deepEqual(drained.closed, [1012]);
});

test("StreamHub: sockets that are sent away leave their place to others", () => {
  const setup = setUp({ streamsMax: 1 });
  const quiet = { send: () => true, end: () => {}, cut: () => {} };
  for (let i = 0; i < 3; i += 1) openSocket(setup.hub, quiet);
  assert.equal(setup.hub.size, 1);
  setup.connection.onClose();
  assert.equal(setup.hub.size, 0);
  assert.equal(openSocket(setup.hub, quiet).state, "awaiting-hello");
  setup.clock.hard = true;
  openSocket(setup.hub, quiet);
  assert.deepEqual(setup.refused, ["full", "full", "full", "full"]);
});

test("StreamConnection: an ack that was dropped ends the connection, so that none makes up for it", async () => {
  const setup = setUp();
  setup.hello();
  setup.pub(1, 2);
  const [batch] = setup.pipeline.batches;
  setup.wire.drops = true;
  batch?.decide(0, VERDICT.rejected, "schema_invalid");
  batch?.progress();
  await flushed();
  setup.wire.drops = false;
  batch?.recordStored(1);
  batch?.commitSettled();
  await flushed();
  assert.deepEqual(setup.closed, [1006]);
  assert.equal(
    setup.said.find((frame) => frame.t === "ack"),
    undefined,
  );
});

test("StreamConnection: frames behind one that waits keep their order and have a bound", async () => {
  const setup = setUp();
  setup.hello();
  const wait = Promise.withResolvers<Refusals>();
  setup.pipeline.waitFor = wait.promise;
  setup.pub(1, 1);
  setup.pub(2, 1);
  setup.say({ t: "bye", last: 2 });
  assert.equal(setup.pipeline.batches.length, 0);
  assert.equal(setup.connection.isBusy, true);
  wait.resolve(new Map());
  await wait.promise;
  await flushed();
  assert.deepEqual(
    setup.pipeline.batches.map(({ seq }) => seq),
    [1, 2],
  );
  assert.equal(setup.connection.state, "leaving");
  const flooded = setUp();
  flooded.hello();
  flooded.pipeline.waitFor = new Promise(() => {});
  const frame = JSON.stringify({ t: "pub", seq: 1, events: ["x".repeat(4_000)] });
  for (let i = 0; i < 1_000 && flooded.closed.length === 0; i += 1) flooded.say(frame);
  assert.deepEqual(flooded.closed, [4429]);
});
