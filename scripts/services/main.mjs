/**
 * `npm run services`: gets, starts, ends and shows real servers on this machine. This file turns
 * parsed words into calls and results into lines; docs/services.md shows its use.
 */
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";

import { helpText, parseArguments } from "./arguments.mjs";
import { definitionOf, DEFINITIONS } from "./catalog.mjs";
import { sweepInstances } from "./control.mjs";
import { ServiceProblem } from "./problem.mjs";
import {
  environmentOf,
  runningAddresses,
  sharedContext,
  sharedDirectory,
  startShared,
  statusOfShared,
  stopShared,
} from "./shared.mjs";
import { logFile } from "./supervisor.mjs";

const MEBIBYTE = 1024 * 1024;

async function up({ names, portOffset, isFresh }) {
  const results = await Promise.allSettled(
    names.map((name) => upOne({ name, portOffset, isFresh })),
  );
  const failures = results.filter((result) => result.status === "rejected");
  const defect = failures.find(({ reason }) => !(reason instanceof ServiceProblem));
  if (defect !== undefined) throw defect.reason;
  return failures.length === 0;
}

async function upOne({ name, portOffset, isFresh }) {
  const startedAt = performance.now();
  const progress = (sentence) => console.log(`${name}: ${sentence}`);
  try {
    const { outcome, addresses } = await startShared(name, { portOffset, isFresh, progress });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const lines = Object.entries(addresses).map(([label, address]) => `\n    ${label} ${address}`);
    const took = outcome === "started" ? `ready in ${seconds} s` : outcome;
    console.log(`${name}: ${took}${lines.join("")}`);
  } catch (error) {
    if (error instanceof ServiceProblem) console.error(`${name}: ${error.message}`);
    throw error;
  }
}

async function down({ names, portOffset }) {
  const wanted = names.length === 0 ? DEFINITIONS.map(({ name }) => name) : names;
  await Promise.all(
    wanted.map(async (name) => {
      const ended = await stopShared(name, { portOffset });
      if (ended > 0) console.log(`${name}: ended`);
      else if (names.length > 0) console.log(`${name}: was not running`);
    }),
  );
  if (names.length === 0) await sweepInstances();
  return true;
}

async function status({ names, portOffset }) {
  const all = await statusOfShared({ portOffset });
  const shown = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
  const rows = shown.map(({ name, state, address, processes }) => {
    const alive = processes.filter((each) => each.state !== "gone");
    const mebibytes = alive.reduce((sum, each) => sum + each.residentBytes, 0) / MEBIBYTE;
    const memory = alive.length === 0 ? "" : `${mebibytes.toFixed(0)} MiB`;
    const pids = alive.map(({ pid }) => pid).join(",");
    return [name, state, pids, memory, alive.length === 0 ? "" : address];
  });
  printTable([["NAME", "STATE", "PID", "MEMORY", "ADDRESS"], ...rows]);
  return names.length === 0 || shown.every(({ state }) => state === "running");
}

function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] + 2))
        .join("")
        .trimEnd(),
    );
  }
}

async function env({ portOffset }) {
  for (const [variable, value] of environmentOf(await runningAddresses(portOffset))) {
    console.log(`export ${variable}='${value.replaceAll("'", String.raw`'\''`)}'`);
  }
  return true;
}

async function logs({ names: [name], portOffset, lines }) {
  const plans = definitionOf(name).processes(sharedContext(name, { portOffset }));
  for (const plan of plans) {
    const file = logFile(sharedDirectory(name, portOffset), plan.name);
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) throw new ServiceProblem(`${name} has no log yet (${file})`);
    if (plans.length > 1) console.log(`==> ${plan.name}`);
    console.log(text.trimEnd().split("\n").slice(-lines).join("\n"));
  }
  return true;
}

const COMMANDS = { up, down, status, env, logs };

async function run() {
  const request = parseArguments(process.argv.slice(2), process.env);
  if (request.command === "help") {
    process.stdout.write(helpText());
    return true;
  }
  if (process.platform !== "linux") {
    throw new ServiceProblem(
      "npm run services works on Linux only: point SLUICE_TEST_KAFKA, SLUICE_TEST_REDIS and " +
        "SLUICE_TEST_REGISTRY at servers of your own",
    );
  }
  return await COMMANDS[request.command](request);
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof ServiceProblem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
