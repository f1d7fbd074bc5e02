/**
 * A small program that lives as sluice does, for tests with real processes and signals. Its first
 * argument is the number of workers; each of them answers HTTP on no port at all.
 *
 *   node program.ts WORKERS [hang]
 */
import { systemClock } from "../../lib/clock.ts";
import { createAdminServer } from "../../telemetry/admin.ts";
import { createTelemetry } from "../../telemetry/telemetry.ts";
import { forkWorker, primaryChannel, workerNumber } from "../cluster.ts";
import { Lifecycle } from "../lifecycle.ts";
import { runPrimary } from "../primary.ts";
import { handleSignals } from "../signals.ts";
import { linkToPrimary } from "../worker-link.ts";

const [workersText = "1", mode = ""] = process.argv.slice(2);
const workers = Number(workersText);
const worker = workerNumber();
const drainDeadlineMs = 5_000;

const telemetry = createTelemetry({
  level: "debug",
  format: "json",
  isTty: false,
  clock: systemClock,
  output: process.stdout,
  errors: process.stderr,
  version: "0.0.0",
  ...(worker === null ? {} : { base: { worker } }),
});
const exit = (code: number) => process.exit(code);

if (workers > 1 && worker === null) {
  await runPrimary({
    config: { adminHost: "127.0.0.1", adminPort: 0, adminNames: [], drainDeadlineMs },
    workers,
    isTty: false,
    telemetry,
    clock: systemClock,
    randomUnit: Math.random,
    fork: forkWorker,
    events: process,
    exit,
    url: "http://127.0.0.1:1",
  });
} else {
  await serve();
}

async function serve(): Promise<void> {
  const lifecycle = new Lifecycle({
    clock: systemClock,
    telemetry: telemetry.process,
    drainDeadlineMs,
    exit,
  });
  const unexpected = (where: string, error: unknown) => telemetry.process.unexpected(where, error);
  const isWorker = worker !== null;
  handleSignals({ events: process, clock: systemClock, lifecycle, unexpected, isWorker });
  telemetry.traffic.received({
    dialect: "native",
    transport: "http",
    events: 1,
    bytes: 1,
    tenant: { tenant: "demo", number: 0 },
  });
  if (mode === "hang") {
    lifecycle.onDrain("delivery", () => new Promise(() => undefined));
  }
  if (isWorker) {
    const snapshot = async () => telemetry.registry.snapshot();
    const sendAway = () => undefined;
    const onDuty = () => undefined;
    const channel = primaryChannel();
    linkToPrimary({ channel, lifecycle, snapshot, sendAway, onDuty, unexpected });
    telemetry.log.info("worker up", { pid: process.pid });
    await lifecycle.start([]);
    return;
  }
  const admin = createAdminServer({
    host: "127.0.0.1",
    port: 0,
    health: lifecycle.health,
    metrics: async () => telemetry.registry.text(),
    log: telemetry.log,
  });
  lifecycle.onDrain("admin", async () => admin.stop());
  let adminUrl = "";
  const open = async () => {
    adminUrl = await admin.start();
  };
  await lifecycle.start([{ name: "open the admin port", run: open }]);
  telemetry.process.ready("http://127.0.0.1:1", { adminUrl });
}
