/**
 * What a good Node.js developer would write for the same job: Fastify and ws in front, JSON.parse,
 * avsc for validation and encoding, the same Kafka client, keyed records with acks=all and an
 * idempotent producer, and an answer only when Kafka has every event of a frame. Its clients speak
 * as much of sluice's protocol as generators need.
 *
 *   node bench/baseline/server.ts --brokers HOST:PORT
 *
 * Where there was a choice it has the faster one: the callback producer with delivery reports and
 * background polling (the promised one costs two closures more per event), plain JSON.parse behind
 * Fastify, a compiled serializer for answers, conversions between JSON and avsc as made code
 * (bench/codec/convert.ts). It does less than sluice: no sessions, no resumable streams, no credit,
 * no dead letters, no event headers.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import fastify from "fastify";
import { WebSocketServer } from "ws";

import { Encoders, type IncomingEvent } from "./encoders.ts";
import { Writer, type Outcome } from "./writer.ts";

const PACKS = fileURLToPath(new URL("../../packs", import.meta.url));
const CREDIT_EVENTS = 100_000;
const BODY_BYTES_MAX = 1024 * 1024;
const FRAME_BYTES_MAX = 512 * 1024;

const { values: flags } = parseArgs({ options: { brokers: { type: "string", default: "" } } });
const encoders = await Encoders.ofPack("behaviour", PACKS);
const writer = await Writer.connect(flags.brokers);

const app = fastify({
  logger: false,
  bodyLimit: BODY_BYTES_MAX,
  // Both together mean plain JSON.parse.
  onProtoPoisoning: "ignore",
  onConstructorPoisoning: "ignore",
});

const answerSchema = {
  type: "object",
  properties: {
    stored: { type: "integer" },
    rejected: {
      type: "array",
      items: {
        type: "object",
        properties: { index: { type: "integer" }, detail: { type: "string" } },
      },
    },
    retry: { type: "array", items: { type: "integer" } },
  },
} as const;

const response = { 200: answerSchema, 401: { type: "object", properties: {} } } as const;

app.post("/v1/events", { schema: { response } }, (request, reply) => {
  if (request.headers.authorization !== "Bearer demo") {
    void reply.code(401).send({});
    return;
  }
  const { body } = request;
  store(Array.isArray(body) ? body : [body], ({ stored, rejected, retry }) => {
    void reply.send({ stored, rejected, retry });
  });
});

/** Encodes and produces; `done` is called once, when the last event has its outcome. */
function store(events: readonly IncomingEvent[], done: (outcome: Outcome) => void): void {
  const group = writer.group(events.length, done);
  for (const [index, event] of events.entries()) {
    const encoded = encoders.encode(event);
    if ("fault" in encoded) group.reject(index, encoded.fault);
    else writer.produce(group, index, encoded);
  }
}

interface ClientFrame {
  readonly t: string;
  readonly seq: number;
  readonly events: readonly IncomingEvent[];
}

const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: FRAME_BYTES_MAX,
});
app.server.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    let upto = 0;
    /** Frames whose events are done while those of an earlier one are not: first to last. */
    const done = new Map<number, number>();
    webSocket.on("error", () => webSocket.terminate());
    webSocket.on("message", (data: Buffer) => {
      // A client's frame: what is not as it should be fails where it is used.
      const frame = JSON.parse(data.toString()) as ClientFrame;
      if (frame.t === "hello") {
        webSocket.send(JSON.stringify({ t: "welcome", credit: { seq: CREDIT_EVENTS } }));
        return;
      }
      const { seq, events } = frame;
      store(events, ({ rejected, retry }) => {
        done.set(seq, seq + events.length - 1);
        let last = done.get(upto + 1);
        while (last !== undefined) {
          done.delete(upto + 1);
          upto = last;
          last = done.get(upto + 1);
        }
        const credit = { seq: upto + CREDIT_EVENTS };
        const rej = rejected.map(({ index, detail }) => ({ seq: seq + index, detail }));
        webSocket.send(JSON.stringify({ t: "ack", upto, rej, retry, credit }));
      });
    });
  });
});

await app.listen({ port: 0, host: "127.0.0.1" });
const address = app.server.address();
console.log(`listening on ${typeof address === "object" ? address?.port : address}`);

process.once("SIGTERM", () => process.exit());
