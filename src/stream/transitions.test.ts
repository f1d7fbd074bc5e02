/**
 * Walks every cell of the table in docs/protocol.md against a running connection: what is said or
 * closed must be what clients were told.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CLOSE_RULES } from "../errors.ts";
import { CONTROL_FRAME_BYTES_MAX } from "../limits/events.ts";
import { ModelStore } from "./testing/model-store.ts";
import { AT_ONCE, STREAM, setUp, settle, settled } from "./testing/setup.ts";
import type { Setup } from "./testing/setup.ts";
import { FRAME_KINDS, STATES } from "./transitions.ts";
import type { ConnectionState, FrameKind } from "./transitions.ts";

const FRAMES: Readonly<Record<FrameKind, object | string | Uint8Array>> = {
  hello: { t: "hello", v: 1, auth: "demo", stream: STREAM, next: 1 },
  pub: { t: "pub", seq: 2, events: [{}] },
  auth: { t: "auth", token: "demo" },
  ping: { t: "ping", n: 7 },
  pong: { t: "pong", n: 7 },
  bye: { t: "bye", last: 1 },
  unknown: { t: "nonsense" },
  broken: "{",
  long: { t: "ping", n: 1, more: "x".repeat(CONTROL_FRAME_BYTES_MAX) },
  binary: new Uint8Array([1, 2, 3]),
  oversize: "x".repeat(17_000),
};

/** The columns of the documented table. */
const COLUMNS: readonly ConnectionState[] = [
  "awaiting-hello",
  "claiming",
  "open",
  "going-away",
  "leaving",
];

/** The documented table: in each state the answer to each kind of frame, or a close code. */
const TOLD: ReadonlyMap<ConnectionState, readonly (string | number)[]> = toldInDocument();

function toldInDocument(): Map<ConnectionState, (string | number)[]> {
  const text = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
  const [, table = ""] = /\*\*What each frame leads to\*\*[^|]*(\|[^]*?)\n\n/.exec(text) ?? [];
  const rows = table
    .split("\n")
    .slice(2)
    .map((line) => line.split("|").slice(2, -1));
  assert.equal(rows.length, FRAME_KINDS.length, "a row for each kind of frame, in their order");
  return new Map(
    COLUMNS.map((state, column) => [
      state,
      rows.map((cells) => {
        const cell = (cells[column] ?? "").trim();
        return /^\d+$/.test(cell) ? Number(cell) : cell.replaceAll(/[`–]/g, "");
      }),
    ]),
  );
}

/** Brings a connection into a state. In those with a stream, event 1 is in flight. */
async function enter(setup: Setup, state: ConnectionState): Promise<void> {
  const { connection } = setup;
  if (state !== "awaiting-hello") {
    setup.say(FRAMES.hello);
    await settled();
  }
  if (state === "open" || state === "going-away" || state === "leaving") setup.pub(1, 1);
  if (state === "going-away") connection.goAway("drain", 0);
  if (state === "leaving") setup.say({ t: "bye", last: 1 });
  if (state === "superseded") void connection.release();
  if (state === "closed") connection.onClose();
  assert.equal(connection.state, state);
}

function send(setup: Setup, frame: object | string | Uint8Array): void {
  if (frame instanceof Uint8Array) setup.connection.onMessage(frame, true);
  else setup.say(frame);
}

function neverClaims(): ModelStore {
  const store = new ModelStore(AT_ONCE);
  store.claim = () => new Promise(() => {});
  return store;
}

for (const state of STATES) {
  for (const kind of FRAME_KINDS) {
    // What is said to a connection that is over leads to nothing.
    const expected = TOLD.get(state)?.[FRAME_KINDS.indexOf(kind)] ?? "";
    const isDone = expected === CLOSE_RULES.done.code;
    test(`StreamConnection ${state}: ${kind} → ${expected === "" ? "nothing" : expected}`, async () => {
      const setup = setUp(state === "claiming" ? { store: neverClaims() } : {});
      await enter(setup, state);
      setup.said.length = 0;
      setup.closed.length = 0;
      send(setup, FRAMES[kind]);
      if (expected === "ack" || isDone) {
        for (const batch of setup.pipeline.batches) settle(batch);
      }
      await settled();
      if (typeof expected === "number") {
        assert.deepEqual(setup.closed, [expected]);
        assert.equal(setup.connection.state, "closed");
        const error = setup.said.find((frame) => frame.t === "error");
        assert.equal(error?.["fatal"], isDone ? undefined : true);
      } else {
        assert.deepEqual(setup.closed, []);
        assert.equal(setup.said[0]?.t ?? "", expected);
      }
      // Whatever came, nothing but events that may be published is handed on.
      const handedOn = setup.pipeline.batches.map(({ seq }) => seq);
      assert.equal(handedOn.includes(2), expected === "ack");
    });
  }
}
