/** Events as a consumer sees them: read from Kafka, decoded with the pack's schemas, by id. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { parseHeader } from "../../src/consumer/header.ts";
import type { SluiceHeader } from "../../src/consumer/header.ts";
import { parseAvroSchema } from "../../src/schema/avro/schema.ts";
import { decodeToJson, splitRegistryValue } from "../../src/schema/decode.ts";
import { loadPack } from "../../src/schema/pack.ts";
import type { Gateway } from "../gateway.ts";
import { readAll } from "../e2e/read-back.ts";

const PACKS = fileURLToPath(new URL("../../packs", import.meta.url));
const PACK = await loadPack("behaviour", PACKS);
const TOPICS = [...PACK.topics.keys()];

export interface StoredEvent {
  readonly header: SluiceHeader;
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Every event of the behaviour pack that is in Kafka. */
export async function storedEvents(gateway: Gateway): Promise<StoredEvent[]> {
  const records = await readAll(gateway.run.brokers, TOPICS);
  return records.map(({ key, value, headers }) => {
    const found = headers.find(([name]) => name === "sluice")?.[1];
    const header = parseHeader(found ?? new Uint8Array(0));
    assert.ok(header !== null, "a record says where it comes from");
    const type = PACK.types.get(header.type ?? "");
    assert.ok(type !== undefined, `a type of the pack: ${header.type}`);
    const split = splitRegistryValue(value ?? new Uint8Array(0));
    assert.ok(split.kind === "avro");
    const decoded = decodeToJson(parseAvroSchema(type.schemaText), split.body);
    assert.ok(decoded.kind === "json", JSON.stringify(decoded));
    const members = JSON.parse(decoded.text) as Readonly<Record<string, unknown>>;
    return { header, key: Buffer.from(key ?? []).toString(), value: members };
  });
}

/** Ids of the dead letters of these topics. */
export async function deadLetterIds(gateway: Gateway, topic: string): Promise<string[]> {
  const letters = await readAll(gateway.run.brokers, [`${topic}.dlq`]);
  return letters.map(({ headers }) => {
    return Buffer.from(headers.find(([name]) => name === "id")?.[1] ?? []).toString();
  });
}

/** The one event of a type among these; its members but for those every SDK makes up. */
export function only(events: readonly StoredEvent[], type: string): StoredEvent {
  const found = events.filter(({ header }) => header.type === type);
  assert.equal(found.length, 1, `one ${type} is stored`);
  const [event] = found;
  assert.ok(event !== undefined);
  assert.equal(event.header.id, event.value["messageId"]);
  return event;
}

/** What of a value is named in `expected` is as there. */
export function includes(value: unknown, expected: object, what: string): void {
  assert.partialDeepStrictEqual(value, expected, what);
}
