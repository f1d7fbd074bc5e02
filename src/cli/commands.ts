/**
 * Every command: its name, options, help, and where its work is done. The work is imported when the
 * command runs, so that help needs neither Kafka nor the codec and each command starts fast.
 */
import type { Command } from "./command.ts";
import { PLACE_OPTIONS } from "./place-options.ts";
import { EXPORT, REPLAY, SINK_POSTGRES } from "./topic-commands.ts";

const SCHEMA_FILE_OPTIONS = {
  pack: { value: "NAME", text: "All schemas of a pack (a name or a directory) instead of files." },
  subject: { value: "SUBJECT", text: "Subject in the registry; a pack knows its subjects." },
} as const;

const CONFIG_OPTION = {
  config: { value: "FILE", text: "Configuration file; otherwise SLUICE_CONFIG." },
} as const;

const TAIL: Command = {
  name: "tail",
  operands: "TOPIC",
  operandsMin: 1,
  operandsMax: 1,
  summary: "Print a topic's records as lines of JSON, decoded.",
  text:
    "Reads all partitions of TOPIC, decodes each value with its schema from the registry " +
    "and prints {topic,partition,offset,timestamp,key,headers,schema,value}, one line for " +
    "each record. Numbers keep all their digits. A value that cannot be decoded is " +
    "printed as hex, with the reason. Belongs to no consumer group and commits nothing. " +
    "Ends with Ctrl-C, or when its reader goes away.",
  options: {
    "from-beginning": { text: "Begin with the oldest record; otherwise with the next one." },
    count: { value: "N", text: "End after N records." },
    "no-follow": { text: "End where the topic ended at the start; implies --from-beginning." },
    timeout: { value: "SECONDS", text: "End when no record came for so long." },
    ...PLACE_OPTIONS,
  },
  examples: [
    "sluice tail behaviour-navigation",
    "sluice tail order-events --from-beginning --count 10",
    "sluice tail aiops-alerts --no-follow | jq .value",
    "sluice tail events --brokers kafka-1:9092 --registry http://registry:8081",
  ],
  run: async (invocation) => (await import("./tail.ts")).tail(invocation),
};

const REDRIVE: Command = {
  name: "redrive",
  operands: "TOPIC",
  operandsMin: 1,
  operandsMax: 1,
  summary: "Send the events of a dead-letter topic once more.",
  text:
    "Reads TOPIC up to where it ends now and sends the events whose payload was kept (dead " +
    "letters raw) to a running gateway, as the tenant and source they came from. Records they " +
    "become have the flag replay. An event that is refused again is a new dead letter. How far " +
    "it has come is kept in Kafka as the offsets of a consumer group, one for each choice of " +
    "letters: run again, it goes on. Prints a summary. Exit code 1 when an event was refused " +
    "again or could not be sent.",
  options: {
    url: { value: "URL", text: "The gateway; otherwise the one that runs on this machine." },
    "write-key": {
      value: "KEY",
      text: "For letters of one tenant; otherwise those of SLUICE_TENANTS.",
    },
    code: { value: "CODE", text: "Only letters with this reason, as schema_invalid." },
    type: { value: "TYPE", text: "Only events of this type." },
    tenant: { value: "TENANT", text: "Only events of this tenant." },
    from: { value: "OFFSET|TIME", text: "Begin here, whatever has been sent before." },
    to: { value: "OFFSET|TIME", text: "Leave out what is not before this." },
    group: { value: "NAME", text: "Consumer group that keeps how far it has come." },
    "dry-run": { text: "Send nothing: print a line for each letter that would be sent." },
    brokers: PLACE_OPTIONS.brokers,
    config: PLACE_OPTIONS.config,
  },
  examples: [
    "sluice redrive behaviour-navigation.dlq --dry-run",
    "sluice redrive order-events.dlq --type order --code schema_invalid",
    "sluice redrive events.dlq --from 2026-05-01T12:00:00Z --url http://gateway:8080",
  ],
  run: async (invocation) => (await import("./redrive.ts")).redrive(invocation),
};

const ENCODE: Command = {
  name: "encode",
  operands: "",
  operandsMin: 0,
  operandsMax: 0,
  summary: "Encode lines of JSON on standard input to Avro.",
  text:
    "Each line of standard input is one event, the record itself; blank lines are left " +
    'out. Prints {"index":0,"ok":true,"avro":"<hex>"} or ' +
    '{"index":1,"ok":false,"code":…,"path":…,"detail":…}, index being the number of the ' +
    "line, from 0; the hex has no registry header. With --ocf the Avro goes into a " +
    "container file, and only the refused lines are printed. Fields with sluice.privacy hmac " +
    "need the salt in SLUICE_PRIVACY_SALT. Exit code 1 when one was refused.",
  options: {
    schema: { value: "FILE", text: "Avro schema (.avsc). Required." },
    json: {
      value: "plain|avro",
      text: "How the JSON is written: plain (default) or Avro's own encoding.",
    },
    "all-faults": { text: "Print all faults of a refused line, not the first alone." },
    ocf: { value: "FILE", text: "Write an Avro object container file." },
    codec: {
      value: "null|deflate",
      text: "Compression of the container file; deflate by default.",
    },
  },
  examples: [
    "sluice encode --schema order.avsc < orders.ndjson",
    "sluice encode --schema order.avsc --ocf orders.avro < orders.ndjson",
  ],
  run: async (invocation) => (await import("./encode.ts")).encode(invocation),
};

const SCHEMA_CHECK: Command = {
  name: "schema check",
  operands: "FILE…",
  operandsMin: 0,
  operandsMax: 1_000,
  summary: "Say whether schemas are sound, and what will hurt later.",
  text:
    "Parses and compiles each schema as the gateway does, prints its fingerprint and what " +
    "may hurt later. With --subject or --pack and a --registry it also asks whether the " +
    "schema may follow the newest one there. Exit code 1 when a schema is refused; " +
    "warnings alone do not count.",
  options: {
    ...SCHEMA_FILE_OPTIONS,
    canonical: { text: "Print the parsing canonical form too." },
    registry: PLACE_OPTIONS.registry,
    config: PLACE_OPTIONS.config,
  },
  examples: [
    "sluice schema check packs/behaviour/page.avsc",
    "sluice schema check order.avsc --subject order-events-value --registry http://registry:8081",
    "sluice schema check --pack commerce",
  ],
  run: async (invocation) => (await import("./schema-check.ts")).checkSchemas(invocation),
};

const SCHEMA_REGISTER: Command = {
  name: "schema register",
  operands: "FILE",
  operandsMin: 0,
  operandsMax: 1,
  summary: "Register a schema, or all schemas of a pack.",
  text:
    "Registers FILE under --subject, or every schema of --pack under the subject the pack " +
    "gives it, and prints the id of each. A schema that is there already keeps its id. " +
    "Exit code 1 when the registry refuses one; the others are registered all the same.",
  options: {
    ...SCHEMA_FILE_OPTIONS,
    registry: PLACE_OPTIONS.registry,
    config: PLACE_OPTIONS.config,
  },
  examples: [
    "sluice schema register --pack behaviour --registry http://registry:8081",
    "sluice schema register order.avsc --subject order-events-value",
  ],
  run: async (invocation) => (await import("./schema-register.ts")).registerSchemas(invocation),
};

const TYPES: Command = {
  name: "types",
  operands: "FILE…",
  operandsMin: 0,
  operandsMax: 1_000,
  summary: "Print TypeScript types of events, for sluice/client.",
  text:
    "Prints what may be sent as `data` of each event type, as TypeScript: an interface Events " +
    "for createClient<Events>(), and a declaration for each named type. A pack names its types; " +
    "of schema files each is the type of its name. Fields with a default, with null or written " +
    "by the gateway are optional. Ranges, lengths and formats stay the gateway's to check.",
  options: {
    pack: { value: "NAME", text: "All types of a pack (a name or a directory) instead of files." },
  },
  examples: [
    "sluice types --pack behaviour > events.d.ts",
    "sluice types order.avsc payment.avsc > events.d.ts",
  ],
  run: async (invocation) => (await import("./types.ts")).printTypes(invocation),
};

const CONFIG_PRINT: Command = {
  name: "config print",
  operands: "",
  operandsMin: 0,
  operandsMax: 0,
  summary: "Show every setting, its value and where that comes from.",
  text: "Prints what sluice start would run with. Secrets are masked.",
  options: { ...CONFIG_OPTION, json: { text: "Print JSON instead of a table." } },
  examples: ["sluice config print", "SLUICE_PORT=9000 sluice config print --json"],
  run: async (invocation) => (await import("./config-commands.ts")).printSettings(invocation),
};

const CONFIG_CHECK: Command = {
  name: "config check",
  operands: "",
  operandsMin: 0,
  operandsMax: 0,
  summary: "Check the settings without starting anything.",
  text: "Says all that is wrong with the settings, or that they are sound; exit code 0 or 2.",
  options: CONFIG_OPTION,
  examples: ["sluice config check", "sluice config check --config sluice.json"],
  run: async (invocation) => (await import("./config-commands.ts")).checkSettings(invocation),
};

const TENANTS_CHECK: Command = {
  name: "tenants check",
  operands: "FILE",
  operandsMin: 0,
  operandsMax: 1,
  summary: "Say whether a tenants file is sound, and what it allows.",
  text:
    "Reads FILE, or that of the settings, as the gateway does: members, names, keys that stand " +
    "twice, salt files, types the pack does not have. Prints a line for each source, or all that " +
    "is wrong with its place. Exit code 1 when the file would be refused.",
  options: {
    pack: {
      value: "NAME",
      text: "Check types against this pack; otherwise that of the settings.",
    },
    ...CONFIG_OPTION,
  },
  examples: ["sluice tenants check tenants.json", "sluice tenants check --pack commerce t.json"],
  run: async (invocation) => (await import("./tenants-check.ts")).checkTenants(invocation),
};

const KEYS_NEW: Command = {
  name: "keys new",
  operands: "",
  operandsMin: 0,
  operandsMax: 0,
  summary: "Make a key, and the line for the tenants file that knows it by its hash.",
  text:
    "Prints a new key once, and the object that goes into writeKeys (or, with --secret, into " +
    "secretKeys) of a source. The file holds only the hash; the key cannot be had from it again.",
  options: {
    secret: { text: "A secret key for a server, instead of a write key for pages and apps." },
    json: { text: "Print one line of JSON: {kind,key,sha256}." },
  },
  examples: ["sluice keys new", "sluice keys new --secret --json | jq -r .key"],
  run: async (invocation) => (await import("./keys-new.ts")).makeKey(invocation),
};

const SESSIONS_ERASE: Command = {
  name: "sessions erase",
  operands: "KEY",
  operandsMin: 1,
  operandsMax: 1,
  summary: "Erase what a gateway keeps of a person's sessions, and have that noted.",
  text:
    "KEY is an anonymousId, deviceId or userId. Everything under it in all sources of the tenant " +
    "goes, and what is kept of the actors linked to it; events in Kafka stay. The audit " +
    "topic gets a record with a hash of KEY. Prints {erased,request_id}. It may be run again.",
  options: {
    "key-file": {
      value: "FILE",
      text: "Holds a key of the tenant with the scope sessions:erase. Required.",
    },
    url: { value: "URL", text: "The gateway; otherwise the one that runs on this machine." },
    ...CONFIG_OPTION,
  },
  examples: [
    "sluice sessions erase customer-9 --key-file desk.key",
    "sluice sessions erase customer-9 --key-file desk.key --url https://events.shop.example",
  ],
  run: async (invocation) => (await import("./sessions-erase.ts")).eraseSessions(invocation),
};

const DOCTOR: Command = {
  name: "doctor",
  operands: "",
  operandsMin: 0,
  operandsMax: 0,
  summary: "Look at all a gateway needs, and say what to mend.",
  text:
    "Checks the settings, the pack, tenants, certificate and limits of the process; Kafka with " +
    "every topic that is needed, the registry with every subject, Redis, and the clocks. Prints " +
    "a line for each: ok, warning, failed, or unchecked where it cannot be seen from here. " +
    "Changes nothing, but for a key in Redis that is removed at once, and the record of " +
    "--probe. Exit code 1 when a check failed, 2 when the settings are wrong.",
  options: {
    probe: { value: "TOPIC", text: "Also write one record to this topic and wait for its ack." },
    json: { text: "Print one line of JSON: {ok,counts,checks}." },
    ...PLACE_OPTIONS,
  },
  examples: [
    "sluice doctor",
    "sluice doctor --probe sluice-probe",
    "sluice doctor --json | jq '.checks[] | select(.status == \"failed\")'",
  ],
  run: async (invocation) => (await import("./doctor.ts")).doctor(invocation),
};

/** For the overview only: main.ts runs it before any of the others is looked for. */
export const START = {
  name: "start",
  operands: "",
  summary: "Run the gateway; what npm start does.",
} as const;

/** In the order of the overview. */
export const COMMANDS: readonly Command[] = [
  TAIL,
  REDRIVE,
  REPLAY,
  EXPORT,
  ENCODE,
  SCHEMA_CHECK,
  SCHEMA_REGISTER,
  TYPES,
  CONFIG_PRINT,
  CONFIG_CHECK,
  TENANTS_CHECK,
  KEYS_NEW,
  SESSIONS_ERASE,
  SINK_POSTGRES,
  DOCTOR,
];
