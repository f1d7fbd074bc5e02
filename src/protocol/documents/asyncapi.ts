/** The AsyncAPI 3 document of the WebSockets, served as `/asyncapi.json`. */
import { CLOSE_RULES } from "../../errors.ts";
import { CONTROL_FRAME_BYTES_MAX, FRAME_BYTES_HARD_MAX } from "../../limits/events.ts";
import { HELLO_TIMEOUT_MS } from "../../limits/streams.ts";
import { SUBPROTOCOL } from "../frames.ts";
import { EVENT_SCHEMAS } from "./event-schemas.ts";
import { CLIENT_FRAMES, FRAME_SCHEMAS, frameName, SERVER_FRAMES } from "./frame-schemas.ts";
import type { FrameDescription } from "./frame-schemas.ts";
import { CONTRACT_VERSION, LICENSE, SERVER_HOST, STREAM_PATH } from "./facts.ts";
import { ref } from "./kit.ts";
import {
  LIVE_CHANNEL,
  LIVE_MESSAGES,
  LIVE_OPERATIONS,
  LIVE_SCHEMAS,
} from "./live-frame-schemas.ts";

const DESCRIPTION = `Every event gets exactly one final outcome: stored (Kafka has confirmed it),
duplicate, or rejected. A client keeps an event until it has seen it. docs/protocol.md has the
rules; this document has the shapes.

One text message is one JSON object with a member \`t\`. Members that one does not know are
ignored. A frame of unknown \`t\` is answered with \`error\`, not fatal. The first frame is
\`hello\`, within ${HELLO_TIMEOUT_MS / 1_000} s and of at most ${CONTROL_FRAME_BYTES_MAX} bytes.
Frames over ${FRAME_BYTES_HARD_MAX} bytes and text that is not UTF-8 cut the connection without a
close frame.`;

/** Close codes as a table of Markdown. */
function closeCodes(): string {
  const lines = Object.values(CLOSE_RULES).map(
    ({ code, retry, text }) => `| ${code} | ${text} | ${retry ? "yes" : "no"} |`,
  );
  const head = ["| close code | meaning | come back by yourself? |", "| --- | --- | --- |"];
  return [...head, ...lines].join("\n");
}

function messages(frames: readonly FrameDescription[], side: "client" | "server") {
  return frames.map((frame) => {
    const name = frameName(frame.t, side);
    const message = {
      name,
      title: frame.t,
      summary: frame.summary,
      contentType: "application/json",
      payload: ref(name),
      examples: [{ name: frame.t, payload: frame.example }],
    };
    return [name, message] as const;
  });
}

function references(frames: readonly FrameDescription[], side: "client" | "server", root: string) {
  return frames.map(({ t }) => ({ $ref: `${root}/messages/${frameName(t, side)}` }));
}

/** The document as plain data. */
export function asyncapiDocument(): object {
  const all = [...messages(CLIENT_FRAMES, "client"), ...messages(SERVER_FRAMES, "server")];
  return {
    asyncapi: "3.0.0",
    info: {
      title: `sluice: ${SUBPROTOCOL}`,
      version: CONTRACT_VERSION,
      description: DESCRIPTION,
      license: LICENSE,
    },
    defaultContentType: "application/json",
    servers: {
      gateway: {
        host: SERVER_HOST,
        protocol: "ws",
        description:
          "Offer the channel's subprotocol as `Sec-WebSocket-Protocol`. Behind TLS: wss.",
        security: [{ $ref: "#/components/securitySchemes/writeKey" }],
      },
    },
    channels: { stream: channel(all.map(([name]) => name)), live: LIVE_CHANNEL },
    operations: {
      fromClient: {
        action: "receive",
        channel: { $ref: "#/channels/stream" },
        summary: "Frames of a client.",
        messages: references(CLIENT_FRAMES, "client", "#/channels/stream"),
      },
      fromServer: {
        action: "send",
        channel: { $ref: "#/channels/stream" },
        summary: "Frames of sluice.",
        messages: references(SERVER_FRAMES, "server", "#/channels/stream"),
      },
      ...LIVE_OPERATIONS,
    },
    components: {
      messages: { ...Object.fromEntries(all), ...LIVE_MESSAGES },
      schemas: { ...usedEventSchemas(), ...FRAME_SCHEMAS, ...LIVE_SCHEMAS },
      securitySchemes: {
        writeKey: {
          type: "http",
          scheme: "bearer",
          description:
            "A write key, best as `hello.auth`; else as bearer token, or base64url behind " +
            "`sluice.auth.` as a second offered subprotocol.",
        },
      },
    },
  };
}

function channel(messageNames: readonly string[]): object {
  return {
    address: STREAM_PATH,
    title: "A resumable stream of events",
    description: `Closed with one of these codes:\n\n${closeCodes()}`,
    messages: Object.fromEntries(
      messageNames.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
    bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
    "x-close-codes": CLOSE_RULES,
    "x-subprotocol": SUBPROTOCOL,
  };
}

/** Of the schemas of both doors, those that frames refer to. */
function usedEventSchemas(): Readonly<Record<string, object>> {
  const names = ["Event", "FinalCode", "RetryCode", "FaultKind", "StreamRejection"];
  return Object.fromEntries(names.map((name) => [name, EVENT_SCHEMAS[name] ?? {}]));
}
