/**
 * Which room may import which, and which third-party library is met where: the one table behind the
 * linter's import rules. Imports point down the data flow; the folders of src/ are the rooms.
 */

/** What a room may import of other rooms, besides COMMON. A name with a star: its types only. */
export const ROOM_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  server: [
    "protocol",
    "dialect",
    "admission",
    "pipeline",
    "quota",
    "stream",
    "live",
    "codec*",
    "dedupe*",
  ],
  live: ["protocol", "admission", "schema", "delivery", "stream"],
  stream: ["protocol", "admission", "pipeline", "redis", "codec*"],
  dialect: ["protocol", "admission", "codec*"],
  admission: [],
  pipeline: ["schema", "codec", "delivery", "session", "admission", "dedupe"],
  protocol: [],
  // The plan compiler in schema writes for the WASM module, by the numbers in codec/abi.gen.ts.
  codec: ["schema"],
  schema: ["codec"],
  delivery: [],
  quota: ["admission", "redis"],
  session: ["redis"],
  redis: [],
  sink: ["schema", "delivery", "consumer"],
  dedupe: ["protocol*", "redis"],
  // Runs in programs of others: it may not need the rest of sluice.
  consumer: [],
  client: [],
  lifecycle: [],
  telemetry: [],
  tracing: [],
  console: [],
  canary: [],
  config: [],
  lib: [],
  limits: [],
};

/** What every room may import; config gives its types, main its values. */
const COMMON = ["errors", "limits", "records", "telemetry", "tracing*", "lib", "config*"];

/** Rooms that put the others together and so may import all of them; nobody imports these. */
const COMPOSERS = ["main", "cli"];

/** The one room that meets a library. The names are those in package.json. */
const LIBRARY_ROOMS: Readonly<Record<string, string>> = {
  "@confluentinc/kafka-javascript": "delivery",
  "@opentelemetry/api": "tracing",
  "@opentelemetry/exporter-trace-otlp-http": "tracing",
  "@opentelemetry/resources": "tracing",
  "@opentelemetry/sdk-node": "tracing",
  "@opentelemetry/sdk-trace": "tracing",
  ajv: "admission",
  ioredis: "redis",
  jose: "admission",
  pg: "sink",
  "pg-copy-streams": "sink",
  pino: "telemetry",
  "pino-pretty": "telemetry",
  postgrator: "sink",
  "prom-client": "telemetry",
  "uWebSockets.js": "server",
};

/** Libraries that tests and benchmarks alone may use. */
const TEST_LIBRARIES = [
  "@asyncapi/specs",
  "@seriousme/openapi-schema-validator",
  "ajv-formats",
  "avsc",
  "fast-check",
  "tinybench",
];

export interface ImportPattern {
  readonly regex: string;
  readonly message: string;
  readonly allowTypeImports?: boolean;
}

/** The imports that a room may not make, as patterns for the linter. */
export function forbiddenImports(room: string): ImportPattern[] {
  const allowed = new Set([...COMMON, ...(ROOM_IMPORTS[room] ?? [])]);
  const others = [...Object.keys(ROOM_IMPORTS), ...COMPOSERS].filter((other) => other !== room);
  const rooms = others
    .filter((other) => !allowed.has(other))
    .map((other) => ({
      regex: `^(\\.\\./)+${other}(/|\\.ts$)`,
      message: arrowMessage(room, other, allowed.has(`${other}*`)),
      ...(allowed.has(`${other}*`) ? { allowTypeImports: true } : {}),
    }));
  return [...rooms, ...forbiddenLibraries(room)];
}

/** The libraries that a room may not use. */
export function forbiddenLibraries(room: string): ImportPattern[] {
  const foreign = Object.entries(LIBRARY_ROOMS)
    .filter(([, owner]) => owner !== room)
    .map(([library, owner]) => ({
      regex: `^${library}(/|$)`,
      message: `${library} is met in src/${owner} only: use what that room offers.`,
    }));
  const forTests = TEST_LIBRARIES.map((library) => ({
    regex: `^${library}(/|$)`,
    message: `${library} is for tests and benchmarks.`,
  }));
  return [...foreign, ...forTests];
}

function arrowMessage(room: string, other: string, typesOnly: boolean): string {
  if (typesOnly) return `src/${room} may import types of src/${other} only (import type).`;
  return `src/${room} may not import src/${other}: see the arrows in scripts/check/rooms.ts.`;
}
