/**
 * Servers under the control of a test: the shared ones by name, and private ones (instances) with
 * ports and a directory of their own, which may be killed, suspended and restarted at will. An
 * instance ends with the process that started it: by its own hand, or by its guard where it died
 * without a word; where the guard died too, the next start of any instance clears up after them.
 * Types: control.d.mts.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { definitionOf, DEFINITIONS } from "./catalog.mjs";
import { guardDirectory, releaseDirectory } from "./guard.mjs";
import { instancesFolder } from "./places.mjs";
import { reservePorts } from "./ports.mjs";
import {
  identify,
  killProcess,
  processState,
  resumeProcess,
  signalProcess,
  suspendProcess,
} from "./processes.mjs";
import { sharedDirectory, startShared, statusOfShared, stopShared } from "./shared.mjs";
import { bringUp, inspect, processesOf, takeDown } from "./supervisor.mjs";

const OWNER_FILE = "owner.json";

/** Instances that may have processes; they end with this process. */
const liveInstances = new Set();

process.once("exit", () => {
  for (const instance of liveInstances) instance.killNow();
});

/**
 * Starts a shared server, or whatever of it does not run.
 * @public
 */
export async function start(name, options = {}) {
  const { portOffset = portOffsetDefault(), isFresh = false, progress } = options;
  const { addresses } = await startShared(name, { portOffset, isFresh, progress });
  return addresses;
}

/**
 * Ends a shared server.
 * @public
 */
export async function stop(name, { portOffset = portOffsetDefault() } = {}) {
  await stopShared(name, { portOffset });
}

/**
 * Signals the processes of a shared server, or one of them.
 * @public
 */
export function signal(name, signalName, options = {}) {
  const { process: processName, portOffset = portOffsetDefault() } = options;
  definitionOf(name);
  return signalAll(sharedDirectory(name, portOffset), { signalName, processName });
}

/**
 * How a shared server is.
 * @public
 */
export async function status(name, { portOffset = portOffsetDefault() } = {}) {
  definitionOf(name);
  const all = await statusOfShared({ portOffset });
  return all.find((each) => each.name === name);
}

/**
 * Starts a private server and waits until it answers.
 * @public
 */
export async function startInstance(name, options = {}) {
  const definition = definitionOf(name);
  await sweepInstances();
  const purposes = definition.instancePorts ?? Object.keys(definition.ports);
  const chosen = options.ports ?? {};
  const reserved = await reservePorts(purposes.filter((purpose) => chosen[purpose] === undefined));
  const isChosenDirectory = options.directory !== undefined;
  const directory = options.directory ?? makeDirectory(name);
  if (isChosenDirectory) await takeDown(definition, directory);
  const instance = new Instance(definition, {
    context: {
      directory,
      ports: { ...reserved.ports, ...chosen },
      settings: options.settings ?? {},
      javaFlags: options.javaFlags,
      progress: options.progress ?? (() => {}),
    },
    freePorts: reserved.free,
    isDirectoryKept: isChosenDirectory,
  });
  try {
    await instance.start();
  } catch (error) {
    await instance.remove();
    throw error;
  }
  return instance;
}

/** A private server. Made by startInstance only. */
class Instance {
  #definition;
  #context;
  #freePorts;
  #isDirectoryKept;

  constructor(definition, { context, freePorts, isDirectoryKept }) {
    this.#definition = definition;
    this.#context = context;
    this.#freePorts = freePorts;
    this.#isDirectoryKept = isDirectoryKept;
    liveInstances.add(this);
    guardDirectory(this.directory, { isDirectoryKept });
  }

  get name() {
    return this.#definition.name;
  }

  get directory() {
    return this.#context.directory;
  }

  get ports() {
    return this.#context.ports;
  }

  get addresses() {
    return this.#definition.addresses(this.#context);
  }

  get address() {
    const [main] = Object.values(this.addresses);
    return main;
  }

  get pid() {
    return this.processes[0]?.pid;
  }

  get processes() {
    return inspect(this.directory);
  }

  async start() {
    await bringUp(this.#definition, this.#context);
  }

  async stop() {
    await takeDown(this.#definition, this.directory);
  }

  async kill({ process: processName } = {}) {
    await Promise.all(processesOf(this.directory, processName).map(killProcess));
  }

  async suspend({ process: processName } = {}) {
    await Promise.all(processesOf(this.directory, processName).map(suspendProcess));
  }

  resume({ process: processName } = {}) {
    for (const identity of processesOf(this.directory, processName)) resumeProcess(identity);
  }

  signal(signalName, { process: processName } = {}) {
    return signalAll(this.directory, { signalName, processName });
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  async remove() {
    await this.kill();
    await this.#freePorts();
    liveInstances.delete(this);
    releaseDirectory(this.directory);
    if (!this.#isDirectoryKept) rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose]() {
    await this.remove();
  }

  /** While the owner exits nothing can be awaited; what it started is ended without asking. */
  killNow() {
    signalAll(this.directory, { signalName: "SIGKILL" });
    if (!this.#isDirectoryKept) rmSync(this.directory, { recursive: true, force: true });
  }
}

function signalAll(directory, { signalName, processName }) {
  const identities = processesOf(directory, processName);
  return identities.filter((identity) => signalProcess(identity, signalName)).length;
}

function makeDirectory(name) {
  const folder = instancesFolder();
  mkdirSync(folder, { recursive: true });
  const directory = mkdtempSync(join(folder, `${name}-`));
  writeFileSync(join(directory, OWNER_FILE), JSON.stringify(identify(process.pid)));
  return directory;
}

/**
 * Ends and removes the instances whose owner is gone.
 * @returns {Promise<number>} how many there were
 */
export async function sweepInstances() {
  let folders;
  try {
    folders = readdirSync(instancesFolder());
  } catch {
    return 0;
  }
  const orphans = folders
    .map((folder) => join(instancesFolder(), folder))
    .filter((directory) => isOrphan(directory));
  for (const directory of orphans) {
    await Promise.all(processesOf(directory).map(killProcess));
    rmSync(directory, { recursive: true, force: true });
  }
  return orphans.length;
}

/** A folder that has no owner file yet is being made at this moment: it is left alone. */
function isOrphan(directory) {
  const name = basename(directory).replace(/-[^-]*$/u, "");
  if (!DEFINITIONS.some((each) => each.name === name)) return false;
  try {
    const owner = JSON.parse(readFileSync(join(directory, OWNER_FILE), "utf8"));
    return processState(owner) === "gone";
  } catch {
    return false;
  }
}

function portOffsetDefault() {
  return Number(process.env.SLUICE_SERVICES_PORT_OFFSET ?? 0);
}
