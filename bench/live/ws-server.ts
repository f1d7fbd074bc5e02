/**
 * The baseline of bench/live.ts: a server as one would write it with the package ws. It reads the
 * topic with the gateway's reader and decoder, writes each event once, and sends it to everybody.
 *
 * By hand: ws-server.ts BROKERS TOPIC
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

import { TopicReader } from "../../src/delivery/topic-reader.ts";
import { eventFrame } from "../../src/live/frames.ts";
import { originOf } from "../../src/live/origin.ts";
import { loadPack } from "../../src/schema/pack.ts";
import { ValueDecoder } from "../../src/schema/value-decoder.ts";

const [brokers = "", topic = ""] = process.argv.slice(2);
const packs = join(import.meta.dirname, "..", "..", "packs");
const pack = await loadPack("behaviour", packs);
// Numbered as an embedded gateway does it: in the order of the types, equal texts once.
const texts = [...new Set([...pack.types.values()].map(({ schemaText }) => schemaText))];
const decoder = new ValueDecoder({
  schemaById: (id) =>
    Promise.resolve({ kind: "found", value: { text: texts[id - 1] ?? "", references: [] } }),
});

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("listening", () => {
  // An address of TCP.
  process.send?.((server.address() as AddressInfo).port);
});
process.on("disconnect", () => process.exit());

const reader = await TopicReader.open({
  brokers,
  security: null,
  topic,
  timeoutMs: 10_000,
  queueKib: 2 * 1024,
});
reader.assign(new Map(reader.ranges.map(({ partition, high }) => [partition, high])));
for (;;) {
  const { records } = await reader.take(200);
  for (const record of records) {
    const origin = originOf(record);
    if (origin === null) continue;
    const { text } = eventFrame(record, origin, await decoder.decode(record.value));
    for (const client of server.clients) client.send(text);
  }
  if (records.length === 0) await delay(10);
}
