/**
 * RudderStack's data plane, for its SDKs unchanged: Segment's calls with some of its own, beacons,
 * pixels and the source configuration its browser SDK asks for first.
 */
import type { Dialect } from "../codec/dialect.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Verdicts } from "../protocol/results.ts";
import { problemAnswer, retryOf, retryReply } from "./answers.ts";
import { CALL_BATCH, CALL_EVENT, CALL_NAMES, CALL_TIME, batchForm } from "./calls.ts";
import { PIXEL_BYTES } from "./facade.ts";
import type {
  AnswerOptions,
  Facade,
  FacadeAnswers,
  FacadeEvents,
  FacadeLimits,
  FacadeMatch,
  FacadeRequest,
} from "./facade.ts";
import { segmentCredentials } from "./segment.ts";

const CALLS: ReadonlySet<string> = new Set([...CALL_NAMES, "merge"]);

const LIMITS: FacadeLimits = { ...CALL_BATCH, bodyBytesMax: 4_000 * 1024 };

const EVENT = { ...CALL_EVENT, session: ["/context/sessionId"] } as const;

const BATCH_FORM = batchForm(EVENT);
const CALL_FORM: Dialect = { form: { events: [], type: [], ...EVENT }, merge: [CALL_TIME] };

const OK: Reply = {
  status: 200,
  contentType: "text/plain; charset=utf-8",
  body: "OK",
  retryAfterSeconds: 0,
};

const ANSWERS: FacadeAnswers = {
  settled: (batch: Verdicts, { requestId }: AnswerOptions) => {
    const again = retryOf(batch);
    return again === null ? OK : retryReply(again, requestId);
  },
  problem: problemAnswer({ unsupported_media_type: 400, unsupported_encoding: 400 }),
};

const PIXEL: Reply = {
  status: 200,
  contentType: "image/gif",
  body: PIXEL_BYTES,
  retryAfterSeconds: 0,
  headers: { "Cache-Control": "no-store" },
};

/** A pixel shows nothing to its page, whatever became of the event. */
const PIXEL_ANSWERS: FacadeAnswers = { settled: () => PIXEL, problem: () => PIXEL };

/** Only where its clients are told from Segment's: the paths are the same. */
const OWN_HEADERS = ["anonymousid", "rsa-retry-attempt", "sentat"] as const;

export const rudder: Facade = (request) => {
  const { method, path, query } = request;
  if (path === "/sourceConfig") return sourceConfig(request);
  if (path === "/beacon/v1/batch") {
    return method === "POST"
      ? events(request, undefined)
      : { kind: "method", allow: "POST, OPTIONS" };
  }
  const pixel = /^\/pixel\/v1\/(track|page)$/.exec(path)?.[1];
  if (pixel !== undefined) {
    if (method !== "GET") return { kind: "method", allow: "GET, OPTIONS" };
    return { ...events(request, pixel), answers: PIXEL_ANSWERS, rewrite: () => pixelEvent(query) };
  }
  const call = /^\/v1\/([a-z]{1,10})$/.exec(path)?.[1] ?? "";
  const isOwn = call === "merge" || OWN_HEADERS.some((name) => request.header(name) !== "");
  if (!isOwn || method !== "POST") return null;
  if (call === "batch" || call === "import") return events(request, undefined);
  return CALLS.has(call) ? events(request, call) : null;
};

function events(request: FacadeRequest, call: string | undefined): FacadeEvents {
  return {
    kind: "events",
    dialect: "rudder",
    shape: "json",
    form: call === undefined ? BATCH_FORM : CALL_FORM,
    ...(call === undefined ? {} : { defaultType: call }),
    credentials: segmentCredentials(request),
    limits: LIMITS,
    fingerprinted: true,
    answers: ANSWERS,
  };
}

/** The parameters of a pixel as one event: strings, as a URL has nothing else. */
function pixelEvent(query: string): Uint8Array {
  const members = Object.fromEntries(
    [...new URLSearchParams(query)].filter(([name]) => name.toLowerCase() !== "writekey"),
  );
  return new TextEncoder().encode(JSON.stringify(members));
}

/** Least that its browser SDK takes for a configuration. */
function sourceConfig(request: FacadeRequest): FacadeMatch {
  if (request.method !== "GET") return { kind: "method", allow: "GET, OPTIONS" };
  const credentials = segmentCredentials(request);
  const source = { id: "sluice", name: "sluice", enabled: true, config: {}, destinations: [] };
  const reply: Reply = {
    status: 200,
    contentType: "application/json",
    body: JSON.stringify({ source }),
    retryAfterSeconds: 0,
  };
  return { kind: "reply", dialect: "rudder", reply, credentials };
}
