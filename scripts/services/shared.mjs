/**
 * The shared servers of a checkout: fixed ports plus an offset, one directory each, and the file
 * that lists the addresses of those that run. It knows neither the command line nor the tests.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { definitionOf, DEFINITIONS } from "./catalog.mjs";
import { withLock } from "./lock.mjs";
import { addressFile, servicesFolder } from "./places.mjs";
import { ServiceProblem } from "./problem.mjs";
import { bringUp, inspect, takeDown } from "./supervisor.mjs";

const PORT_MAX = 65_535;

/** Where a shared server runs. */
export function sharedDirectory(name, portOffset) {
  return join(servicesFolder(portOffset), name);
}

/**
 * @param {string} name
 * @param {{ portOffset: number, progress?: (sentence: string) => void }} options
 * @returns {import("./catalog.mjs").Context}
 */
export function sharedContext(name, { portOffset, progress = () => {} }) {
  const { ports } = definitionOf(name);
  return {
    directory: sharedDirectory(name, portOffset),
    ports: shiftPorts(ports, portOffset),
    portOffset,
    settings: {},
    progress,
  };
}

/** @throws {ServiceProblem} when a port would leave the range of ports */
export function shiftPorts(ports, portOffset) {
  const shifted = Object.entries(ports).map(([purpose, port]) => [purpose, port + portOffset]);
  for (const [purpose, port] of shifted) {
    if (port < 1024 || port > PORT_MAX) {
      throw new ServiceProblem(`the port offset ${portOffset} gives ${purpose} the port ${port}`);
    }
  }
  return Object.fromEntries(shifted);
}

/** Starts a shared server unless it runs, and lists its addresses. */
export async function startShared(name, { portOffset, isFresh = false, progress }) {
  const definition = definitionOf(name);
  const context = sharedContext(name, { portOffset, progress });
  const outcome = await bringUp(definition, context, { isFresh });
  const addresses = definition.addresses(context);
  const [first] = inspect(context.directory);
  await changeAddresses(portOffset, (all) => ({
    ...all,
    [name]: { ...addresses, pid: first?.pid },
  }));
  return { outcome, addresses };
}

/** Ends a shared server and takes it off the list. @returns {Promise<number>} ended processes */
export async function stopShared(name, { portOffset }) {
  const ended = await takeDown(definitionOf(name), sharedDirectory(name, portOffset));
  await changeAddresses(portOffset, ({ [name]: _stopped, ...others }) => others);
  return ended;
}

/**
 * How every shared server is: `running` when all its processes are there and answer.
 * @returns {Promise<readonly import("./control.d.mts").SharedStatus[]>}
 */
export async function statusOfShared({ portOffset }) {
  return await Promise.all(
    DEFINITIONS.map(async (definition) => {
      const context = sharedContext(definition.name, { portOffset });
      const processes = inspect(context.directory);
      const state = await stateOf(definition.processes(context), processes);
      const [address] = Object.values(definition.addresses(context));
      return { name: definition.name, state, address, processes };
    }),
  );
}

async function stateOf(plans, processes) {
  if (processes.length === 0) return "stopped";
  const states = plans.map(({ name }) => processes.find((each) => each.name === name)?.state);
  if (states.every((state) => state === "gone" || state === undefined)) return "died";
  if (states.includes("suspended")) return "suspended";
  if (!states.every((state) => state === "running")) return "incomplete";
  const answers = await Promise.all(plans.map((plan) => plan.isReady()));
  return answers.every(Boolean) ? "running" : "not answering";
}

/** The addresses of the shared servers that run, by name. */
export async function runningAddresses(portOffset) {
  const all = Object.entries(await readAddresses(portOffset));
  const isRunning = (name) =>
    inspect(sharedDirectory(name, portOffset)).some(({ state }) => state !== "gone");
  return Object.fromEntries(all.filter(([name]) => isRunning(name)));
}

async function readAddresses(portOffset) {
  try {
    return JSON.parse(await readFile(addressFile(portOffset), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}

async function changeAddresses(portOffset, change) {
  const file = addressFile(portOffset);
  await withLock(file, async () => {
    const changed = change(await readAddresses(portOffset));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.part`, `${JSON.stringify(changed, null, 2)}\n`, { mode: 0o600 });
    await rename(`${file}.part`, file);
  });
}

/**
 * The variables that point tests and a gateway at the servers that run. `kafka` comes before
 * `kafka3` when both do.
 * @param {Readonly<Record<string, Readonly<Record<string, string>>>>} addresses
 * @returns {readonly (readonly [string, string])[]}
 */
export function environmentOf(addresses) {
  const { kafka = addresses.kafka3, redis, registry, postgres, toxiproxy } = addresses;
  const variables = [
    ["SLUICE_TEST_KAFKA", kafka?.address],
    ["SLUICE_TEST_KAFKA_SASL_SSL", kafka?.saslSsl],
    ["SLUICE_TEST_KAFKA_CA", kafka?.certificateAuthority],
    ["SLUICE_TEST_REDIS", redis?.url],
    ["SLUICE_TEST_REDIS_TLS", redis?.tlsUrl],
    ["SLUICE_TEST_REDIS_CA", redis?.certificateAuthority],
    ["SLUICE_TEST_REGISTRY", registry?.url],
    ["SLUICE_TEST_POSTGRES", postgres?.url],
    ["SLUICE_TEST_TOXIPROXY", toxiproxy?.url],
    ["SLUICE_KAFKA_BROKERS", kafka?.address],
    ["SLUICE_REDIS_URL", redis?.url],
    ["SLUICE_REGISTRY_URL", registry?.url],
    ["SLUICE_POSTGRES_URL", postgres?.url],
  ];
  return variables.filter(([, value]) => value !== undefined);
}
