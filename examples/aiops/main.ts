/**
 * Towers of three tenants, watched live: metrics, logs and alerts over two gateways behind HAProxy.
 * `npm run example -- aiops [--towers N] [--port N]`; README.md beside this file tells the story.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";

import { aborted, runExample } from "../common/ending.ts";
import { requireFree } from "../common/free-port.ts";
import { Servers } from "../common/servers.ts";
import { Example } from "./example.ts";
import { TENANTS } from "./system.ts";

const HELP = `npm run example -- aiops [OPTIONS]

  --towers N    towers of each tenant (8)
  --port N      port of the operators' page (8092)
  --seconds N   end by itself after so long
  --help

Servers: those of SLUICE_KAFKA_BROKERS, SLUICE_REDIS_URL, SLUICE_REGISTRY_URL and
SLUICE_POSTGRES_URL where these are set, else those of \`npm run services\`, started if need be and
ended with the last example that uses them.
`;

const { values } = parseArgs({
  options: {
    towers: { type: "string", default: "8" },
    port: { type: "string", default: "8092" },
    seconds: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const say = (sentence: string): void => {
  process.stdout.write(`${new Date().toLocaleTimeString()}  ${sentence}\n`);
};

async function run(ending: AbortSignal): Promise<void> {
  await requireFree(Number(values.port));
  const servers = new Servers({ signal: ending, say });
  try {
    say("servers: Kafka, Redis, schema registry, PostgreSQL (the first time they are downloaded)");
    const example = await Example.start({
      servers: await servers.provide(["kafka", "redis", "registry", "postgres"]),
      topicPrefix: "",
      towersPerTenant: Number(values.towers),
      sampleMs: 1_000,
      port: Number(values.port),
      restartMs: 5_000,
      say,
    });
    tellWhatToDo(example);
    const report = setInterval(() => tellHowItGoes(example), 15_000);
    await Promise.race([aborted(ending), ...(values.seconds === undefined ? [] : [passed()])]);
    clearInterval(report);
    say("ending: every event gets its outcome; towers on bad links take up to half a minute");
    await example.settle();
    const { sent, records, lost, dropped, doubled, strays } = await example.audit();
    const stored = await example.stored();
    await example.stop();
    say(`${sent} events were sent; Kafka has ${records} records of them`);
    say(`lost: ${lost}, in another tenant's name: ${strays}`);
    say(`there twice for a consumer: ${doubled} (it drops ${dropped} by the header sluice)`);
    say(
      `PostgreSQL has ${stored.rows} rows of them; missing: ${stored.missing}, ` +
        `there twice: ${stored.extra}`,
    );
    const wrong = stored.missing + stored.extra + stored.strays;
    if (lost + doubled + strays + wrong > 0) process.exitCode = 1;
  } finally {
    await servers.end();
  }
}

function passed(): Promise<void> {
  return delay(Number(values.seconds) * 1_000);
}

function tellWhatToDo({ page, system }: Example): void {
  const gateways = system.gateways.map(({ name, pid }) => `${name} is pid ${pid}`).join(", ");
  process.stdout.write(
    [
      "",
      ...TENANTS.map((tenant) => `  ${page.url}/${tenant}`),
      "",
      `  Kill one and watch the page: ${gateways}, the sink is pid ${system.sinkPid}.`,
      "  Ctrl-C ends everything and counts.",
      "",
      "",
    ].join("\n"),
  );
}

function tellHowItGoes({ fleet, alerter }: Example): void {
  const { ids, open, size, breaks } = fleet;
  say(
    `${ids.size} events, ${open} of ${size} towers connected, ${breaks} links broken so far, ` +
      `${alerter.firing} alerts now`,
  );
}

if (values.help) process.stdout.write(HELP);
else await runExample(run);
process.exit();
