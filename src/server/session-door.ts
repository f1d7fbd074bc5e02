/**
 * `/v1/sessions/{key}`: a person's sessions, for those of his tenant who may see them (GET) or have
 * them erased (DELETE). It knows no Redis and no uWebSockets.
 */
import type { Admission, Principal } from "../admission/admission.ts";
import { credentialsOf } from "../admission/credentials.ts";
import { hasScope } from "../admission/policy.ts";
import { PERSON_KEY_LENGTH_MAX } from "../limits/sessions.ts";
import { jsonReply, problemReply } from "../protocol/reply.ts";
import type { Reply } from "../protocol/reply.ts";
import { refusalOf } from "./ingest.ts";
import { applicantOf } from "./request.ts";
import type { RequestHead } from "./request.ts";

/** Who knows sessions. Its promises never reject. */
export interface SessionDeskPort {
  show(
    tenant: string,
    key: string,
  ): Promise<{ readonly kind: "found"; readonly value: readonly object[] } | Failed>;
  erase(request: {
    readonly tenant: string;
    readonly key: string;
    readonly by: {
      readonly source: string;
      readonly key: string | null;
      readonly issuer?: string;
      readonly subject?: string | null;
    };
    readonly requestId: string;
  }): Promise<
    | { readonly kind: "found"; readonly value: number }
    /** unnoted: erased, but that is not noted yet; off: it cannot be noted, so nobody may. */
    | { readonly kind: "unnoted" | "off" }
    | Failed
  >;
}

interface Failed {
  readonly kind: "failed";
}

export interface SessionDoorParts {
  readonly admission: Admission;
  readonly desk: SessionDeskPort;
  /** The server is bound to loopback only. */
  readonly loopback: boolean;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
}

const PATH = /^\/v1\/sessions\/([^/]+)$/;
const ALLOW = "GET, HEAD, DELETE";
const NO_STORE = { "Cache-Control": "no-store" };

/** Digits of a key's digest that name it in a record. */
const KEY_DIGITS = 12;

export function isSessionPath(path: string): boolean {
  return PATH.test(path);
}

/** What to answer; it reads no body. */
export async function sessionReply(
  parts: SessionDoorParts,
  { head, requestId }: { readonly head: RequestHead; readonly requestId: string },
): Promise<Reply> {
  const isRead = head.method === "GET" || head.method === "HEAD";
  // What may follow as a body is not read.
  const close = Number(head.header["content-length"]) > 0;
  if (!isRead && head.method !== "DELETE") {
    const detail = "a person's sessions take GET and DELETE";
    const refusal = { requestId, detail, headers: { Allow: ALLOW }, close: true };
    return problemReply("method_not_allowed", refusal);
  }
  if (head.framingFault !== null) {
    return problemReply("bad_request", { requestId, detail: head.framingFault, close: true });
  }
  const key = keyOf(head.path);
  if (key === null) {
    const detail = `a key has 1 to ${PERSON_KEY_LENGTH_MAX} characters, percent-encoded as UTF-8`;
    return problemReply("bad_request", { requestId, detail, close });
  }
  const scope = isRead ? "sessions:read" : "sessions:erase";
  const principal = await admit(parts, head, { scope, requestId });
  if ("status" in principal) return principal;
  const person = { tenant: principal.tenant, key, requestId };
  const reply = isRead ? await read(parts, person) : await erase(parts, principal, person);
  return close ? { ...reply, close } : reply;
}

function keyOf(path: string): string | null {
  try {
    const key = decodeURIComponent(PATH.exec(path)?.[1] ?? "");
    return key === "" || key.length > PERSON_KEY_LENGTH_MAX ? null : key;
  } catch {
    return null;
  }
}

async function admit(
  { admission, loopback }: SessionDoorParts,
  head: RequestHead,
  { scope, requestId }: { readonly scope: string; readonly requestId: string },
): Promise<Principal | Reply> {
  const { authorization, "x-write-key": writeKey } = head.header;
  const credentials = credentialsOf({ authorization, writeKey, query: "" });
  const admitted = await admission.admit({ ...applicantOf(head, loopback), credentials });
  if (admitted.kind === "refused") {
    const [code, options] = refusalOf(admitted);
    return problemReply(code, { ...options, requestId, close: true });
  }
  if (hasScope(admitted.principal.scopes, scope)) return admitted.principal;
  const detail = `these credentials have no scope ${scope}`;
  return problemReply("forbidden", { requestId, detail, close: true });
}

interface Person {
  readonly tenant: string;
  readonly key: string;
  readonly requestId: string;
}

async function read(
  { desk, nowMs }: SessionDoorParts,
  { tenant, key, requestId }: Person,
): Promise<Reply> {
  const found = await desk.show(tenant, key);
  if (found.kind === "failed") return away(requestId);
  if (found.value.length === 0) {
    return problemReply("not_found", { requestId, detail: "nothing is known of this key" });
  }
  const members = { sessions: found.value, request_id: requestId, time: nowMs() };
  return { ...jsonReply(200, members), headers: NO_STORE };
}

async function erase(
  { desk }: SessionDoorParts,
  principal: Principal,
  person: Person,
): Promise<Reply> {
  const { requestId } = person;
  const by = nameOf(principal);
  const erased = await desk.erase({ ...person, by });
  switch (erased.kind) {
    case "found": {
      const members = { erased: erased.value, request_id: requestId };
      return { ...jsonReply(200, members), headers: NO_STORE };
    }
    case "failed":
      return away(requestId);
    case "unnoted": {
      const detail = "the sessions are erased, but that is not noted yet: ask again";
      return problemReply("unavailable", { requestId, detail, retryAfterSeconds: 2 });
    }
    case "off": {
      const detail = "this gateway has no audit topic, so nothing is erased";
      return problemReply("forbidden", { requestId, detail });
    }
    default:
      return erased satisfies never;
  }
}

/** Who asks, as the audit topic names him. */
function nameOf({ source, keyDigest, issuer, subject }: Principal) {
  const key = keyDigest === null ? null : keyDigest.slice(0, KEY_DIGITS);
  return issuer === null ? { source, key } : { source, key, issuer, subject };
}

function away(requestId: string): Reply {
  const detail = "the session store does not answer";
  return problemReply("unavailable", { requestId, detail, retryAfterSeconds: 2 });
}
