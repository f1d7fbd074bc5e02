/**
 * Plain webhooks: `POST /v1/webhooks/TYPE`, the body is the record (or an array of them). For
 * systems that can be told a URL and nothing else, so the key may stand in the query.
 */
import { credentialsOf } from "../admission/credentials.ts";
import type { Dialect } from "../codec/dialect.ts";
import { problemReply } from "../protocol/reply.ts";
import { TYPE_BYTES_MAX } from "../limits/schemas.ts";
import { bodyShape, nativeAnswer } from "./native.ts";
import type { Facade } from "./facade.ts";

export const WEBHOOKS_PREFIX = "/v1/webhooks/";

/** The path says the type; what the record holds is the pack's pointers' business. */
const FORM: Dialect = { form: { events: [], type: [] } };

export const webhook: Facade = (request) => {
  const { method, path } = request;
  if (!path.startsWith(WEBHOOKS_PREFIX)) return null;
  const type = decoded(path.slice(WEBHOOKS_PREFIX.length));
  if (type === null) return null;
  if (method !== "POST") return { kind: "method", allow: "POST, OPTIONS" };
  return {
    kind: "events",
    dialect: "webhook",
    shape: bodyShape(request.header("content-type")),
    form: FORM,
    defaultType: type,
    credentials: credentialsOf({
      authorization: request.header("authorization"),
      writeKey: request.header("x-write-key"),
      query: request.query,
    }),
    limits: null,
    answers: { settled: nativeAnswer, problem: problemReply },
  };
};

/** The type in a path; null: none, or more than a type can be. */
function decoded(text: string): string | null {
  try {
    const type = decodeURIComponent(text);
    return type === "" || Buffer.byteLength(type) > TYPE_BYTES_MAX ? null : type;
  } catch {
    return null;
  }
}
