/** A hub over fakes, and one socket of it: what tests of the streams room begin with. */
import assert from "node:assert/strict";
import type { Admission } from "../../admission/admission.ts";
import { createAdmission } from "../../admission/create.ts";
import { tableOfKeys } from "../../admission/key-list.ts";
import { VERDICT } from "../../records.ts";
import type { Batch } from "../../pipeline/batch.ts";
import { Deadlines } from "../../pipeline/deadlines.ts";
import type { PauseReason } from "../../protocol/frames.ts";
import type { StreamConnection } from "../connection.ts";
import { StreamHub } from "../hub.ts";
import type { StreamHubParts } from "../hub.ts";
import type { StreamSocket } from "../socket.ts";
import type { StreamStore } from "../store.ts";
import { FakePipeline } from "./fake-pipeline.ts";
import { ModelStore } from "./model-store.ts";

export const STREAM = "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f60";
export const TOKEN = `token-demo:default:${STREAM.replaceAll("-", "")}`;
export const DEMO = { tenant: "demo", source: "default" };

export interface Said {
  readonly t: string;
  readonly [member: string]: unknown;
}

export interface Conditions {
  atMs: number;
  pressure: PauseReason | null;
  hard: boolean;
  kafkaAway: boolean;
  /** Some partitions are not confirmed. */
  heldUp?: boolean;
}

export interface SetupOptions {
  readonly streamsMax?: number;
  readonly creditEventsMax?: number;
  readonly store?: StreamStore;
  /** Credentials end then. */
  readonly expiresAtMs?: number;
  /** Other hubs over the same store have their own. */
  readonly conditions?: Conditions;
}

/** Nothing here waits for a time of its own. */
export const AT_ONCE = { after: (_delayMs: number, action: () => void) => setImmediate(action) };

function expireAt(admission: Admission, expiresAtMs: number): void {
  const admit = admission.admit.bind(admission);
  admission.admit = async (applicant) => {
    const admitted = await admit(applicant);
    if (admitted.kind === "refused") return admitted;
    const { principal } = admitted;
    // Its policy is one that is read at each look.
    const { policy } = principal;
    return { kind: "admitted", principal: { ...principal, policy, expiresAtMs } };
  };
}

export function makeHub(
  options: SetupOptions,
  further: Pick<StreamHubParts, "pipeline" | "observer" | "after" | "endOfTurn"> & {
    readonly conditions: Conditions;
  },
): StreamHub {
  const { conditions, pipeline, observer } = further;
  const deadlines = new Deadlines({
    ttlMs: 1_000,
    code: "kafka_timeout",
    clockMs: () => conditions.atMs,
  });
  deadlines.stop();
  const key = { key: "demo", ...DEMO };
  const table = tableOfKeys([key, { ...key, key: "other", tenant: "other" }]);
  const admission = createAdmission({ table, keyless: null });
  const { expiresAtMs } = options;
  if (expiresAtMs !== undefined) expireAt(admission, expiresAtMs);
  return new StreamHub({
    pipeline,
    admission,
    charge: () => {},
    store: options.store ?? new ModelStore(AT_ONCE),
    deadlines,
    limits: {
      frameBytesMax: 16_384,
      frameEventsMax: 500,
      eventBytesMax: 1_024,
      payload: "data",
      typeMember: "type",
      nativeForm: null,
    },
    pingMs: 25_000,
    helloTimeoutMs: 5_000,
    streamsMax: options.streamsMax ?? 10,
    creditEventsMax: options.creditEventsMax ?? 1_000_000,
    goAwaySpreadMs: 5_000,
    now: () => conditions.atMs,
    clockMs: () => conditions.atMs,
    pressure: () => conditions.pressure,
    isKafkaAway: () => conditions.kafkaAway,
    isHeldUp: () => conditions.heldUp ?? false,
    after: further.after,
    endOfTurn: further.endOfTurn,
    overHardMark: () => conditions.hard,
    random: () => 0.5,
    processId: "p",
    observer,
    tracer: null,
  });
}

export function setUp(options: SetupOptions = {}) {
  const pipeline = new FakePipeline();
  const conditions: Conditions = options.conditions ?? {
    atMs: 0,
    pressure: null,
    hard: false,
    kafkaAway: false,
  };
  const refused: string[] = [];
  const later: (() => void)[] = [];
  const welcomed: string[] = [];
  const hub = makeHub(options, {
    conditions,
    pipeline: pipeline.asPipeline,
    after: (_delayMs, action) => void later.push(action),
    endOfTurn: (action) => void setImmediate(action),
    observer: {
      refused: (reason) => void refused.push(reason),
      welcomed: (how) => void welcomed.push(how),
      answered: () => {},
      told: () => {},
      paused: () => {},
      failed: (error) => assert.fail(String(error)),
    },
  });
  /** What was put off is done now. */
  const pass = () => {
    for (const action of later.splice(0)) action();
  };
  return { hub, pipeline, conditions, refused, welcomed, later, pass, ...openClient(hub) };
}

export type Setup = ReturnType<typeof setUp>;

/** A further socket of a hub. */
export function openClient(hub: StreamHub) {
  const said: Said[] = [];
  const closed: number[] = [];
  const wire = { drops: false };
  const connection = openSocket(hub, {
    send: (text: string) => {
      if (!wire.drops) said.push(JSON.parse(text) as Said);
      return !wire.drops;
    },
    end: (code: number) => void closed.push(code),
    cut: () => void closed.push(1006),
  });
  const say = (frame: object | string) => {
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    connection.onMessage(Buffer.from(text), false);
  };
  const hello = async (members: object = {}) => {
    say({ t: "hello", v: 1, auth: "demo", stream: STREAM, next: 1, ...members });
    await settled();
  };
  const pub = (seq: number, count: number) => {
    say({ t: "pub", seq, events: Array.from({ length: count }, () => ({})) });
  };
  return { said, closed, wire, connection, say, hello, pub };
}

/**
 * As with uWebSockets, the close handler runs inside `end`, before the opener has its connection.
 */
export function openSocket(hub: StreamHub, socket: StreamSocket): StreamConnection {
  let connection: StreamConnection | null = null;
  const end = (code: number, reason: string) => {
    socket.end(code, reason);
    connection?.onClose();
  };
  connection = hub.open(
    { ...socket, end },
    { credentials: null, origin: "", loopback: true, sender: {} },
  );
  return connection;
}

/** Until everything that waits for nothing but its turn has had it: acks, claims. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Gives every open row of a batch an outcome; stored, if nothing else is said. */
export function settle(batch: Batch | undefined, outcome?: (row: number) => void): void {
  assert.ok(batch !== undefined);
  for (let row = 0; row < batch.count; row += 1) {
    if (batch.verdicts[row] !== VERDICT.open) continue;
    if (outcome === undefined) batch.recordStored(row);
    else outcome(row);
  }
  batch.commitSettled();
}

/** The last frame of a kind that was said. */
export function last({ said }: { readonly said: readonly Said[] }, t: string): Said {
  const found = said.findLast((frame) => frame.t === t);
  assert.ok(found !== undefined, `a frame ${t} was said`);
  return found;
}
