/**
 * CloudEvents 1.0 over HTTP (HTTP protocol binding 1.0.2): binary, structured and batched. The
 * event's `data` is the record, its `type` the type of the pack. A binary event is written as a
 * structured one, so that one way leads through the codec.
 */
import { credentialsOf } from "../admission/credentials.ts";
import type { Dialect } from "../codec/dialect.ts";
import { PROBLEM_RULES } from "../errors.ts";
import { problemReply } from "../protocol/reply.ts";
import type { Reply } from "../protocol/reply.ts";
import { VERDICT } from "../records.ts";
import { cloudEventHeaders, cloudEventScope } from "./cloudevents-record.ts";
import { NATIVE_PATH, nativeAnswer } from "./native.ts";
import type { Facade, FacadeAnswers, FacadeEvents, FacadeMatch, FacadeRequest } from "./facade.ts";

export const CLOUDEVENTS_PATH = "/v1/cloudevents";

const FORM: Dialect = {
  form: {
    events: [],
    type: ["/type"],
    data: "/data",
    id: ["/id"],
    key: ["/partitionkey", "/subject"],
    time: ["/time"],
  },
};

/** Attributes are lower-case letters and digits (CloudEvents §3). */
const ATTRIBUTE = /^ce-([a-z0-9]{1,40})$/;

/** Most attributes of one binary event that are looked at. */
const ATTRIBUTES_MAX = 40;

const JSON_TYPE = /^(?:application|text)\/(?:[^;]*\+)?json\s*(?:;|$)/i;

const ANSWERS: FacadeAnswers = { settled: nativeAnswer, problem: problemReply };

/** One event: what is wrong with it is wrong with the request. */
const ONE_EVENT_ANSWERS: FacadeAnswers = {
  ...ANSWERS,
  settled: (batch, options) => {
    if (batch.count !== 1 || batch.verdicts[0] !== VERDICT.rejected) {
      return nativeAnswer(batch, options);
    }
    const { requestId } = options;
    const fault = batch.rejections.get(0)?.fault;
    const detail = fault?.detail ?? PROBLEM_RULES.invalid_events.title;
    const errors = [{ index: 0, ...fault }];
    return problemReply("invalid_events", { requestId, detail, members: { errors } });
  },
};

export const cloudevents: Facade = (request) => {
  const { method, path } = request;
  const contentType = request.header("content-type").toLowerCase();
  const isBinary = request.header("ce-specversion") !== "";
  const isOurs = contentType.startsWith("application/cloudevents") || isBinary;
  if (path !== CLOUDEVENTS_PATH && (path !== NATIVE_PATH || !isOurs)) return null;
  if (method === "OPTIONS") return handshake(request);
  if (method !== "POST") return { kind: "method", allow: "POST, OPTIONS" };
  const base = {
    kind: "events",
    dialect: "cloudevents",
    form: FORM,
    credentials: credentialsOf({
      authorization: request.header("authorization"),
      writeKey: request.header("x-write-key"),
      query: request.query,
    }),
    limits: null,
    record: { scopeOf: cloudEventScope, headersOf: cloudEventHeaders },
  } as const;
  if (contentType.startsWith("application/cloudevents")) {
    const isBatch = contentType.startsWith("application/cloudevents-batch");
    const shape = contentType.includes("+json") ? "json" : null;
    return { ...base, shape, answers: isBatch ? ANSWERS : ONE_EVENT_ANSWERS };
  }
  if (!isBinary) return { ...base, shape: "json", answers: ANSWERS };
  return binary(request, { ...base, answers: ONE_EVENT_ANSWERS });
};

function binary(
  request: FacadeRequest,
  base: Omit<FacadeEvents, "shape" | "rewrite">,
): FacadeEvents {
  const contentType = request.header("content-type");
  // One SDK sends JSON without saying so; anything else has to be named JSON.
  const isJson = contentType === "" || JSON_TYPE.test(contentType);
  const attributes = attributesOf(request);
  if (!isJson || attributes === null) return { ...base, shape: null };
  return { ...base, shape: "json", rewrite: (body) => structured(attributes, body) };
}

/** null: a value that is not the text of the specification. */
function attributesOf(request: FacadeRequest): Readonly<Record<string, string>> | null {
  const attributes: Record<string, string> = {};
  let count = 0;
  for (const name of request.headerNames()) {
    const attribute = ATTRIBUTE.exec(name)?.[1];
    if (attribute === undefined) continue;
    count += 1;
    const value = headerText(request.header(name));
    if (count > ATTRIBUTES_MAX || value === null) return null;
    if (attribute !== "data") attributes[attribute] = value;
  }
  return attributes;
}

/**
 * Percent-decoded once (HTTP binding §3.1.3.2). A `%` that begins no byte stays as it is: one SDK
 * does not encode. Bytes that are not UTF-8 have no meaning that could be kept.
 */
function headerText(value: string): string | null {
  if (value.includes("\ufffd")) return null;
  if (!value.includes("%")) return value;
  const encoded = value.replaceAll(/%(?![0-9a-f]{2})/gi, "%25");
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

const encoder = new TextEncoder();

/** The same event in structured mode; `data` is taken over byte by byte. */
function structured(attributes: Readonly<Record<string, string>>, body: Uint8Array): Uint8Array {
  const head = encoder.encode(`${JSON.stringify(attributes).slice(0, -1)},"data":`);
  const text = new Uint8Array(head.length + body.length + 1);
  text.set(head);
  text.set(body, head.length);
  text[text.length - 1] = 0x7d;
  return text;
}

/** Validation of a webhook (HTTP 1.1 Web Hooks for Event Delivery §4). */
function handshake(request: FacadeRequest): FacadeMatch | null {
  const origin = request.header("webhook-request-origin");
  if (origin === "") return null;
  const reply: Reply = {
    status: 200,
    contentType: "",
    body: "",
    retryAfterSeconds: 0,
    headers: {
      Allow: "POST",
      "WebHook-Allowed-Origin": origin.replaceAll(/[^\x21-\x7e]/g, ""),
      "WebHook-Allowed-Rate": "*",
    },
  };
  return { kind: "reply", dialect: "cloudevents", reply, credentials: null };
}
