/**
 * What sessions cost one event and one written session: 100 000 sessions, visited in an order that
 * jumps through memory (the worst case) and in runs of ten events of one actor. Strings are decoded
 * anew for each event, as the pipeline does; the controls are that decoding alone, and with one
 * look-up. Prints nanoseconds per event and the heap a session takes; with SLUICE_TEST_REDIS set,
 * also the CPU time of one update written to Redis.
 *
 *   node --expose-gc bench/session.ts
 */
import { createSessions } from "../src/session/sessions.ts";
import type { Sessions, SessionsStoreChoice } from "../src/session/sessions.ts";
import { createUuid7 } from "../src/session/uuid7.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const SESSIONS = 100_000;
const EVENTS = 1_000_000;
const ROUNDS = 5;
const START_MS = Date.now();

const tenant = `bench-${process.pid}`;
const newId = createUuid7();
const actors = Array.from({ length: SESSIONS }, (_, index) =>
  Buffer.from(`visitor-${index * 7919}`),
);
const clientIds = actors.map(() => Buffer.from(newId()));
const noIds = actors.map(() => Buffer.alloc(0));
/** The same visits in every round: each to another actor, and ten in a row to one. */
const jumping = Uint32Array.from({ length: EVENTS }, (_, index) => (index * 48_271) % SESSIONS);
const inRuns = jumping.map((_, index) => jumping[Math.floor(index / 10)] ?? 0);

function textAt(texts: readonly Buffer[], index: number): string {
  return texts[index]?.toString("latin1") ?? "";
}

/** Best of the rounds: the others were disturbed. */
function nsPerEvent(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedNs = process.hrtime.bigint();
    run();
    best = Math.min(best, Number(process.hrtime.bigint() - startedNs) / EVENTS);
  }
  return best;
}

function visitAll(sessions: Sessions, ids: readonly Buffer[], visits = jumping): void {
  for (const visit of visits) {
    const actor = textAt(actors, visit);
    const clientSessionId = textAt(ids, visit);
    const event = { tenant, source: "web", actor, clientSessionId, timeMs: START_MS + visit };
    sessions.confirm(sessions.touch(event).slot, 1);
  }
}

function controls(): void {
  let lengths = 0;
  const decode = (visits: Uint32Array): void => {
    for (const visit of visits) {
      lengths += textAt(actors, visit).length + textAt(noIds, visit).length;
    }
  };
  report(
    "control: decoding",
    nsPerEvent(() => decode(jumping)),
    "ns",
  );
  report(
    "control: decoding, runs of ten",
    nsPerEvent(() => decode(inRuns)),
    "ns",
  );
  const known = new Map(actors.map((actor, index) => [actor.toString("latin1"), index]));
  const lookUp = nsPerEvent(() => {
    for (const visit of jumping) {
      lengths += known.get(textAt(actors, visit)) ?? 0;
    }
  });
  report("control: decoding, one look-up", lookUp, `ns (checksum ${lengths % 10})`);
}

async function writeCost(store: SessionsStoreChoice): Promise<void> {
  let updates = 0;
  const written = Promise.withResolvers<void>();
  const { sessions } = createSessions({
    store,
    onEvent: (event) => {
      updates += event.kind === "flushed" ? event.updates : 0;
      if (updates >= SESSIONS) {
        written.resolve();
      }
    },
  });
  await sessions.start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  visitAll(sessions, noIds);
  const before = process.cpuUsage();
  // The room's own timer does not keep a process alive.
  const alive = setInterval(() => {}, 1_000);
  await written.promise;
  clearInterval(alive);
  const { user, system } = process.cpuUsage(before);
  report(`${store.kind} store: one update written`, ((user + system) * 1_000) / updates, "ns CPU");
  await sessions.stop();
}

function report(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(44)} ${value.toFixed(0).padStart(8)} ${unit}`);
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

controls();
const emptyBytes = heapBytes();
const { sessions: assigned } = createSessions({ store: { kind: "memory" } });
visitAll(assigned, noIds);
report("heap of a session", (heapBytes() - emptyBytes) / SESSIONS, "bytes");
const nsAssigned = nsPerEvent(() => visitAll(assigned, noIds));
report("decoding, touch, confirm: id assigned", nsAssigned, "ns");
const nsInRuns = nsPerEvent(() => visitAll(assigned, noIds, inRuns));
report("decoding, touch, confirm: runs of ten", nsInRuns, "ns");
const { sessions: clients } = createSessions({ store: { kind: "memory" } });
const nsClient = nsPerEvent(() => visitAll(clients, clientIds));
report("decoding, touch, confirm: id of the client", nsClient, "ns");
await writeCost({ kind: "memory" });
const url = process.env["SLUICE_TEST_REDIS"];
if (url !== undefined && url !== "") {
  await writeCost({ kind: "redis", url });
}
