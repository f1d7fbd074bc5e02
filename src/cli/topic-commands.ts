/** The commands that do something with what stands in topics. */
import type { Command } from "./command.ts";
import { PLACE_OPTIONS } from "./place-options.ts";

const RANGE_OPTIONS = {
  from: { value: "OFFSET|TIME", text: "Begin here, in every partition; otherwise at its start." },
  until: { value: "OFFSET|TIME", text: "End before this; otherwise where the topic ends now." },
  type: { value: "TYPE", text: "Only events of this type." },
  key: { value: "KEY", text: "Only records with this key." },
} as const;

export const REPLAY: Command = {
  name: "replay",
  operands: "TOPIC",
  operandsMin: 1,
  operandsMax: 1,
  summary: "Read a range of a topic once more: into a topic, a file, or to see it.",
  text:
    "Reads the records between --from and --until and writes them as they are to another topic " +
    "(keys keep their order; a header sluice-replay says where each comes from), to an Avro " +
    "container file, or prints them as tail does. Into a topic it can go on where it ended: " +
    "--state FILE. What goes to a topic or a file is noted in the audit topic first. On a " +
    "terminal it shows how far it is.",
  options: {
    ...RANGE_OPTIONS,
    "to-topic": { value: "TOPIC", text: "Write to this topic, which must be there." },
    "to-file": {
      value: "FILE",
      text: "Write an Avro container file; its records have one schema.",
    },
    print: { text: "Print lines of JSON." },
    rate: { value: "N", text: "Records a second at most." },
    state: { value: "FILE", text: "Keep in FILE how far it is; run again, it goes on." },
    ...PLACE_OPTIONS,
  },
  examples: [
    "sluice replay order-events --from 2026-05-01T12:00:00Z --to-topic again --rate 500",
    "sluice replay order-events --type OrderCreated --key order-7 --print",
    "sluice replay behaviour-commerce --type purchase --to-file purchases.avro",
  ],
  run: async (invocation) => (await import("./replay.ts")).replay(invocation),
};

export const EXPORT: Command = {
  name: "export",
  operands: "TOPIC",
  operandsMin: 1,
  operandsMax: 1,
  summary: "Write a topic to Avro container files, by day.",
  text:
    "Writes DIRECTORY/TOPIC/day=2026-05-01/NAME-ID.avro for each day (of the records' Kafka " +
    "time, UTC) and schema. A file is there when it is whole; run again, it is made anew. " +
    "Records that are no Avro are counted and left out: exit code 1. Noted in the audit topic.",
  options: {
    directory: { value: "DIRECTORY", text: "Where the files go. Required." },
    codec: { value: "null|deflate", text: "Compression; deflate by default." },
    ...RANGE_OPTIONS,
    ...PLACE_OPTIONS,
  },
  examples: [
    "sluice export behaviour-commerce --directory ./lake",
    "sluice export order-events --from 2026-05-01T00:00:00Z --directory ./lake",
  ],
  run: async (invocation) => (await import("./export.ts")).exportTopic(invocation),
};

export const SINK_POSTGRES: Command = {
  name: "sink postgres",
  operands: "",
  operandsMin: 0,
  operandsMax: 0,
  summary: "Write events, sessions, profiles and dead letters to PostgreSQL.",
  text:
    "Reads the topics of the pack as a member of a consumer group and writes a table for each " +
    "type, made out of its schema and widened with it. How far it has come is kept in the same " +
    "transaction, and each event is written once by its id: it may be killed at any moment, and " +
    "several may run. A person erased in the gateway is erased here. What cannot be written " +
    "becomes a row of dead_letters. Ends with Ctrl-C or SIGTERM. See docs/persistence.md.",
  options: {
    database: { value: "URL", text: "PostgreSQL. Otherwise SLUICE_POSTGRES_URL." },
    schema: { value: "NAME", text: "Its own tables; events go to NAME_events. Default: sluice." },
    group: { value: "NAME", text: "Consumer group. Default: sluice-sink." },
    topics: {
      value: "TOPIC,…",
      text: "Instead of the pack's, their dead letters, sessions, audit.",
    },
    from: {
      value: "beginning|end",
      text: "Where a partition never read begins. Default: beginning.",
    },
    "retention-days": { value: "N", text: "Days that are older go. Default: 365." },
    "identify-type": { value: "TYPE", text: "Events that say who somebody is. Default: identify." },
    "linger-ms": { value: "MS", text: "A batch waits so long to be filled. Default: 500." },
    "session-timeout-ms": { value: "MS", text: "Of the member in its group. Default: 30000." },
    admin: { value: "HOST:PORT|off", text: "Metrics and health. Default: 127.0.0.1:9466." },
    ...PLACE_OPTIONS,
  },
  examples: [
    "SLUICE_POSTGRES_URL=postgres://sluice@db/events sluice sink postgres",
    "sluice sink postgres --retention-days 90 --schema shop",
  ],
  run: async (invocation) => (await import("./sink-postgres.ts")).sinkPostgres(invocation),
};
