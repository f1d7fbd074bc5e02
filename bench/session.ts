/**
 * What sessions cost one event and one written session. Prints nanoseconds per call, the control
 * (building the key and one look-up, below which no touch can go) beside them, and the heap a
 * session takes. With SLUICE_TEST_REDIS set, also the CPU time of one update written to Redis.
 *
 *   node --expose-gc bench/session.ts
 */
import { createSessions } from "../src/session/sessions.ts";
import type { Sessions, SessionsStoreChoice } from "../src/session/sessions.ts";

const SESSIONS = 100_000;
const EVENTS = 1_000_000;
const ROUNDS = 5;
const START_MS = Date.now();

const tenant = `bench-${process.pid}`;
const actors = Array.from({ length: SESSIONS }, (_, index) => `visitor-${index * 7919}`);
/** The same visits in every round, in an order that jumps through memory. */
const visits = Uint32Array.from({ length: EVENTS }, (_, index) => (index * 48_271) % SESSIONS);

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

function visitAll(sessions: Sessions, clientSessionId: string): void {
  for (const visit of visits) {
    const actor = actors[visit] ?? "";
    const event = { tenant, source: "web", actor, clientSessionId, timeMs: START_MS + visit };
    sessions.confirm(sessions.touch(event).slot, 1);
  }
}

function control(): void {
  const known = new Map(actors.map((actor) => [`${tenant}:web:${actor}`, { count: 0 }]));
  const ns = nsPerEvent(() => {
    for (const visit of visits) {
      const entry = known.get(`${tenant}:web:${actors[visit] ?? ""}`);
      if (entry !== undefined) {
        entry.count += 1;
      }
    }
  });
  report("control: key and look-up", ns, "ns");
}

async function writeCost(store: SessionsStoreChoice): Promise<void> {
  let updates = 0;
  const written = Promise.withResolvers<void>();
  const sessions = createSessions({
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
  visitAll(sessions, "");
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

control();
const emptyBytes = heapBytes();
const assigned = createSessions({ store: { kind: "memory" } });
visitAll(assigned, "");
report("heap of a session", (heapBytes() - emptyBytes) / SESSIONS, "bytes");
const nsAssigned = nsPerEvent(() => visitAll(assigned, ""));
report("touch + confirm, id assigned", nsAssigned, "ns");
const clients = createSessions({ store: { kind: "memory" } });
const nsClient = nsPerEvent(() => visitAll(clients, "0191d8f0-5b1c-7a64-8a3e-3f1d9c0f7b11"));
report("touch + confirm, id of the client", nsClient, "ns");
await writeCost({ kind: "memory" });
const url = process.env["SLUICE_TEST_REDIS"];
if (url !== undefined && url !== "") {
  await writeCost({ kind: "redis", url });
}
