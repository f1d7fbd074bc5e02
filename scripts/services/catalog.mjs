/**
 * The servers there are, by name.
 *
 * @typedef {object} Definition
 * @property {string} name
 * @property {string} summary one line for the help text
 * @property {Readonly<Record<string, number>>} ports by purpose, of the shared server at offset 0
 * @property {readonly string[]} [portsOfOthers] purposes of ports it names but does not listen on
 * @property {readonly string[]} [instancePorts] purposes a private server needs; default: all
 * @property {readonly string[]} prerequisites names in prerequisites.mjs
 * @property {number} startTimeoutMs
 * @property {number} stopPatienceMs from SIGTERM (or stopSignal) to SIGKILL
 * @property {NodeJS.Signals} [stopSignal] what asks it to end; default: SIGTERM
 * @property {(progress: (sentence: string) => void) => Promise<string>} [install] fills the cache
 * @property {(context: Context) => Promise<void>} configure writes its files; may be repeated
 * @property {(context: Context) => readonly ProcessPlan[]} processes in the order of their start
 * @property {(context: Context) => Promise<void>} [prime] done once it answers after a start
 * @property {(context: Context) => Readonly<Record<string, string>>} addresses the main one first
 *
 * @typedef {object} Context
 * @property {string} directory where it runs and writes
 * @property {Readonly<Record<string, number>>} ports
 * @property {number} [portOffset] absent for a private server
 * @property {Readonly<Record<string, string | number>>} settings of its configuration
 * @property {(sentence: string) => void} progress
 *
 * @typedef {object} ProcessPlan
 * @property {string} name
 * @property {string} program
 * @property {readonly string[]} programArguments
 * @property {Readonly<Record<string, string>>} [environment] added to this process' own
 * @property {readonly string[]} ports purposes of the ports it listens on
 * @property {readonly string[]} [startAfter] processes that must answer before this one is started
 * @property {() => Promise<boolean>} isReady
 */
import { haproxy } from "./kinds/haproxy.mjs";
import { kafka, kafka3 } from "./kinds/kafka.mjs";
import { keycloak } from "./kinds/keycloak.mjs";
import { postgres } from "./kinds/postgres.mjs";
import { prometheus } from "./kinds/prometheus.mjs";
import { redisHa } from "./kinds/redis-ha.mjs";
import { redis } from "./kinds/redis.mjs";
import { registry } from "./kinds/registry.mjs";
import { toxiproxy } from "./kinds/toxiproxy.mjs";
import { ServiceProblem } from "./problem.mjs";

/** @type {readonly Definition[]} */
export const DEFINITIONS = [
  kafka,
  kafka3,
  redis,
  redisHa,
  registry,
  postgres,
  prometheus,
  toxiproxy,
  haproxy,
  keycloak,
];

/** @throws {ServiceProblem} for a name that is not there */
export function definitionOf(name) {
  const definition = DEFINITIONS.find((each) => each.name === name);
  if (definition !== undefined) return definition;
  const names = DEFINITIONS.map((each) => each.name).join(", ");
  throw new ServiceProblem(`there is no service "${name}"; there are: ${names}`);
}
