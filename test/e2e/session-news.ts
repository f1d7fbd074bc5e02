/** What gateways say of sessions, read back from Kafka and decoded by another Avro library. */
import { readFile } from "node:fs/promises";
import avsc from "avsc";
import { readAll } from "./read-back.ts";

export interface SessionNewsRecord {
  readonly kind: "started" | "ended";
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

const SCHEMAS = new URL("../../src/session/schemas/", import.meta.url);

async function decoder(name: string): Promise<avsc.Type> {
  const text = await readFile(new URL(`${name}.avsc`, SCHEMAS), "utf8");
  return avsc.Type.forSchema(JSON.parse(text) as avsc.Schema, { omitRecordMethods: true });
}

/** All there is on the topic now, in the order of the partitions. */
export async function readSessionNews(
  brokers: string,
  topic: string,
): Promise<readonly SessionNewsRecord[]> {
  const [started, ended] = await Promise.all([
    decoder("session-started"),
    decoder("session-ended"),
  ]);
  const records = await readAll(brokers, [topic]);
  return records.map((record) => {
    const bytes = Buffer.from(record.value ?? new Uint8Array(0)).subarray(5);
    const header = record.headers.find(([name]) => name === "sluice")?.[1];
    const text = Buffer.from(header ?? new Uint8Array(0)).toString("latin1");
    const kind = text.includes("session_started") ? "started" : "ended";
    const type = kind === "started" ? started : ended;
    const value = type.fromBuffer(bytes) as Readonly<Record<string, unknown>>;
    return { kind, key: Buffer.from(record.key ?? new Uint8Array(0)).toString("utf8"), value };
  });
}
