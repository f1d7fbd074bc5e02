/**
 * Segment's HTTP Tracking API, for its SDKs unchanged: every route, the short paths of the browser
 * SDK, batches, its settings. Success is exactly 200 (docs/protocol.md §3; facts of the SDKs are
 * pinned by test/clients).
 */
import { authorizationCredentials } from "../admission/credentials.ts";
import type { Dialect } from "../codec/dialect.ts";
import type { ProblemCode } from "../errors.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Verdicts } from "../protocol/results.ts";
import { problemAnswer, retryOf, retryReply } from "./answers.ts";
import { CALL_BATCH, CALL_EVENT, CALL_NAMES, batchForm } from "./calls.ts";
import { bodyShape } from "./native.ts";
import type {
  AnswerOptions,
  Facade,
  FacadeAnswers,
  FacadeEvents,
  FacadeLimits,
  FacadeMatch,
  FacadeRequest,
} from "./facade.ts";

/** The calls of the API, by path. The browser SDK uses first letters. */
const CALLS: ReadonlyMap<string, string> = new Map(
  CALL_NAMES.flatMap((call) => [[call, call] as const, [call.slice(0, 1), call] as const]),
);
const BATCHES: ReadonlySet<string> = new Set(["b", "batch", "import"]);

const LIMITS: FacadeLimits = { ...CALL_BATCH, bodyBytesMax: 1024 * 1024 };

/** RudderStack's server SDK sends such batches too. */
const BATCH_FORM = batchForm(CALL_EVENT);
/** The path says the type, whatever the event says. */
const CALL_FORM: Dialect = { form: { events: [], type: [], ...CALL_EVENT } };

const SETTINGS = /^\/(?:v1\/)?projects\/([^/]{1,200})\/settings$/;
const CALL = /^\/(?:v1\/)?([a-z]{1,10})$/;

const ANSWERS: FacadeAnswers = {
  settled: (batch: Verdicts, { requestId }: AnswerOptions) => {
    const again = retryOf(batch);
    return again === null ? SUCCESS : retryReply(again, requestId);
  },
  // 413 and 415 are not in its contract; everything that is for good is 400 there.
  problem: problemAnswer({
    too_large: 400,
    unsupported_media_type: 400,
    unsupported_encoding: 400,
    method_not_allowed: 405,
    internal: 500,
  } satisfies Partial<Record<ProblemCode, number>>),
};

const SUCCESS: Reply = {
  status: 200,
  contentType: "application/json",
  body: '{"success":true}',
  retryAfterSeconds: 0,
};

export const segment: Facade = (request) => {
  const settings = SETTINGS.exec(request.path);
  if (settings !== null) return settingsMatch(request, settings[1] ?? "");
  const name = CALL.exec(request.path)?.[1];
  if (name === undefined) return null;
  if (name === "m") return metricsMatch(request);
  const call = CALLS.get(name);
  if (call === undefined && !BATCHES.has(name)) return null;
  if (request.method !== "POST") return { kind: "method", allow: "POST, OPTIONS" };
  return eventsMatch(request, call);
};

function eventsMatch(request: FacadeRequest, call: string | undefined): FacadeEvents {
  return {
    kind: "events",
    dialect: "segment",
    shape: bodyShape(request.header("content-type")) === null ? null : "json",
    form: call === undefined ? BATCH_FORM : CALL_FORM,
    ...(call === undefined ? {} : { defaultType: call }),
    credentials: segmentCredentials(request),
    keyMember: "writeKey",
    fingerprinted: true,
    limits: LIMITS,
    answers: ANSWERS,
  };
}

/** Basic, X-Write-Key or `?writekey=`; otherwise the key is in the body. */
export function segmentCredentials(request: FacadeRequest): string | null {
  const authorized = authorizationCredentials(request.header("authorization"));
  if (authorized !== null && authorized !== "") return authorized;
  const header = request.header("x-write-key");
  if (header !== "") return header;
  if (request.query === "") return null;
  const query = new URLSearchParams(request.query);
  return query.get("writeKey") ?? query.get("writekey") ?? query.get("key");
}

/**
 * What the browser SDK loads before anything else, and without which it does nothing: from memory,
 * whatever happens to Kafka. Without `metrics` it would report to its vendor's host.
 */
function settingsMatch({ method, header, isSecure }: FacadeRequest, key: string): FacadeMatch {
  if (method !== "GET" && method !== "HEAD") return { kind: "method", allow: "GET, HEAD, OPTIONS" };
  let writeKey: string;
  try {
    writeKey = decodeURIComponent(key);
  } catch {
    writeKey = key;
  }
  const host = header("host");
  const protocol = isSecure || header("x-forwarded-proto") === "https" ? "https" : "http";
  const destination = { apiKey: writeKey, apiHost: `${host}/v1`, protocol };
  const settings = {
    integrations: { "Segment.io": destination },
    plan: { track: { __default: { enabled: true } }, identify: { __default: { enabled: true } } },
    metrics: { sampleRate: 0 },
    edgeFunction: {},
    analyticsNextEnabled: true,
    middlewareSettings: {},
    enabledMiddleware: {},
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
  };
  const reply: Reply = {
    status: 200,
    contentType: "application/json",
    body: JSON.stringify(settings),
    retryAfterSeconds: 0,
    // Made from headers of the request: a cache that others share must not keep it.
    headers: { "Cache-Control": "private, max-age=300" },
  };
  return { kind: "reply", dialect: "segment", reply, credentials: writeKey };
}

/** The SDK's reports about itself: taken and forgotten. */
function metricsMatch({ method }: FacadeRequest): FacadeMatch {
  if (method !== "POST") return { kind: "method", allow: "POST, OPTIONS" };
  return { kind: "reply", dialect: "segment", reply: SUCCESS, credentials: null };
}
