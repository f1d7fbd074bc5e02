/** The command line of `npm run load`, parsed to a value. It knows the words, not what they do. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import { SCENARIO_NAMES, SCENARIOS } from "../../loadtest/catalog.ts";
import type { Changes, ScenarioName } from "../../loadtest/catalog.ts";

/** A slip of the finger must not become a flood: what a test may ask for at most. */
const DURATION_S_MAX = 4 * 3_600;
const STREAMS_MAX = 20_000;
const BATCHES_PER_S_MAX = 20_000;
const SCALE_MAX = 100;
/** k6, Kafka and the gateway share this machine: with one core half of the load. */
const ONE_CORE_SCALE = 0.5;

export interface LoadRequest {
  readonly scenario: ScenarioName;
  readonly changes: Changes;
  /** Null: a gateway is started. */
  readonly target: Target | null;
  /** Kafka and Redis of their own, or everything inside the gateway. */
  readonly servers: "real" | "embedded";
  readonly pack: string;
  /** Null: named by scenario and time. */
  readonly reportFile: string | null;
}

export interface Target {
  readonly url: string;
  readonly adminUrls: readonly string[];
  readonly key: string | null;
  readonly isShared: boolean;
}

/** A command line that makes no sense: a sentence for whoever wrote it. */
export class UsageError extends Error {}

export function usage(): string {
  const names = Object.entries(SCENARIOS).map(
    ([name, { question, durationS }]) => `  ${name.padEnd(17)}${question} (${durationS} s)`,
  );
  return `npm run load -- SCENARIO [OPTION…]

Loads a gateway with k6 and holds it to the objectives of the scenario and to its own ledger.
Without --url it starts Kafka, Redis and a gateway on loopback, and ends them afterwards.

Scenarios
${names.join("\n")}

Options
  --duration SECONDS    another duration; faults and storms move along
  --streams N           WebSocket streams open at once
  --batches N           HTTP requests a second
  --scale X             so many times the scenario's streams and requests; the table is for a
                        machine of two cores that has k6, Kafka and the gateway. On one core: 0.5
  --ack-p99-ms MS       another objective of latency; 0: none
  --servers KIND        real (Kafka and Redis) or embedded (all inside the gateway); smoke: embedded
  --pack NAME           behaviour, aiops or commerce
  --report FILE         where the HTML report goes; its numbers go to FILE with .json
  --url URL             a gateway that runs already
  --admin-url URL[,…]   its admin ports, for the ledger and the charts; each gateway behind --url
  --key KEY             its write key (or LOAD_KEY)
  --shared              others send to it as well: the ledger may have more than this test sent
  --remote              it is not on this machine, and may be loaded
  --help                this text

The exit code is 0 when every objective was met and the ledger agrees, 1 when not, 2 for a command
line that makes no sense. loadtest/README.md says which scenario answers what.
`;
}

/** Null: help is wanted. @throws {UsageError} */
export function parseLoadArguments(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): LoadRequest | null {
  const { values, positionals } = parse(words);
  if (values.help) return null;
  const [scenario, ...others] = positionals;
  if (scenario === undefined || !isScenario(scenario) || others.length > 0) {
    throw new UsageError(`Name one scenario: ${SCENARIO_NAMES.join(", ")}.`);
  }
  const { fault } = SCENARIOS[scenario];
  const servers = values.servers ?? (scenario === "smoke" ? "embedded" : "real");
  if (servers !== "real" && servers !== "embedded") {
    throw new UsageError(`--servers is real or embedded, not ${servers}.`);
  }
  if (fault !== null && servers === "embedded" && values.url === undefined) {
    throw new UsageError(`${scenario} needs real servers: what is embedded cannot fail alone.`);
  }
  return {
    scenario,
    changes: {
      ...optional("durationS", numberOf("duration", { values, max: DURATION_S_MAX, min: 1 })),
      ...optional("streams", numberOf("streams", { values, max: STREAMS_MAX })),
      ...optional("batchesPerS", numberOf("batches", { values, max: BATCHES_PER_S_MAX })),
      ...optional("scale", scaleOf(values)),
      ...optional("ackP99Ms", numberOf("ack-p99-ms", { values, max: 600_000 })),
    },
    target: values.url === undefined ? null : targetOf(values, environment["LOAD_KEY"]),
    servers,
    pack: values.pack,
    reportFile: values.report ?? null,
  };
}

type Values = ReturnType<typeof parse>["values"];

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        help: { type: "boolean", default: false },
        duration: { type: "string" },
        streams: { type: "string" },
        batches: { type: "string" },
        scale: { type: "string" },
        "ack-p99-ms": { type: "string" },
        servers: { type: "string" },
        pack: { type: "string", default: "behaviour" },
        report: { type: "string" },
        url: { type: "string" },
        "admin-url": { type: "string" },
        key: { type: "string" },
        shared: { type: "boolean", default: false },
        remote: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function isScenario(word: string): word is ScenarioName {
  return Object.hasOwn(SCENARIOS, word);
}

function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): Partial<Record<Name, Value>> {
  // The one member is of the one name.
  return value === undefined ? {} : ({ [name]: value } as Record<Name, Value>);
}

/** Undefined: as in the table. */
function scaleOf(values: Values): number | undefined {
  const isSmall = values.url === undefined && availableParallelism() < 2;
  const asked = numberOf("scale", { values, max: SCALE_MAX });
  return asked ?? (isSmall ? ONE_CORE_SCALE : undefined);
}

function numberOf(
  name: "duration" | "streams" | "batches" | "scale" | "ack-p99-ms",
  { values, max, min = 0 }: { values: Values; max: number; min?: number },
): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== "" && value >= min && value <= max) return value;
  throw new UsageError(`--${name} is a number from ${min} to ${max}, not "${text}".`);
}

function targetOf(values: Values, keyOfEnvironment: string | undefined): Target {
  const url = urlOf(values.url ?? "");
  const adminUrls = (values["admin-url"] ?? "")
    .split(",")
    .filter((each) => each !== "")
    .map(urlOf);
  const strangers = [url, ...adminUrls].filter((each) => !isLoopback(each));
  if (strangers.length > 0 && !values.remote) {
    throw new UsageError(
      `${strangers[0]} is not on this machine: say --remote if you may load it.`,
    );
  }
  return {
    url,
    adminUrls,
    key: values.key ?? keyOfEnvironment ?? null,
    isShared: values.shared,
  };
}

function urlOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`"${text}" is no address like http://127.0.0.1:8080.`);
  }
  return text.replace(/\/+$/, "");
}

function isLoopback(text: string): boolean {
  const { hostname } = new URL(text);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
