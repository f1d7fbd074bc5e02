/**
 * From a hello to a held stream (docs/protocol.md §2.7): what the hello asks for, the claim, and
 * what the claim and the hello say together. It knows no sockets and says nothing to the client.
 */
import type { Principal } from "../admission/admission.ts";
import type { FrameContext } from "../codec/codec.ts";
import type { Dialect } from "../codec/dialect.ts";
import type { CloseName } from "../errors.ts";
import { STREAM_INFLIGHT_EVENTS_MAX } from "../limits/streams.ts";
import type { Hello } from "../protocol/frames.ts";
import type { StreamLimits } from "./hub.ts";
import { reconcile } from "./reconcile.ts";
import type { StreamView } from "./reconcile.ts";
import type { StreamPeer } from "./socket.ts";
import type { StreamHolder, StreamKey, StreamLease, StreamRecord, StreamStore } from "./store.ts";

/** Why a connection is closed. */
export interface ConnectionFault {
  readonly name: CloseName;
  readonly detail: string;
  /** Of the error frame, where it says more than the close code. */
  readonly code?: string;
}

export type Entrance =
  | { readonly kind: "entered"; readonly lease: StreamLease; readonly view: StreamView }
  /** `record`: what is remembered of the stream, for whoever waits for it. */
  | {
      readonly kind: "refused";
      readonly fault: ConnectionFault;
      readonly record: StreamRecord | null;
    };

/** What this server cannot do of what the hello asks for; null: nothing. */
export function helloFault({ version, order }: Hello): ConnectionFault | null {
  if (version !== 1) {
    const detail = `this server speaks version 1, not ${version}`;
    return { name: "version_unsupported", detail };
  }
  if (order !== "strict") return null;
  const detail = 'this server offers order "key" only';
  return { name: "version_unsupported", detail, code: "order_unsupported" };
}

export function keyOf({ tenant, source }: Principal, { stream }: Hello): StreamKey {
  return { tenant, source, stream };
}

/** Claims the stream and decides where it stands. Takes as long as its former holder. */
export async function enter(
  store: StreamStore,
  {
    hello,
    key,
    holder,
  }: { readonly hello: Hello; readonly key: StreamKey; readonly holder: StreamHolder },
): Promise<Entrance> {
  const { resume, held, next } = hello;
  const birth = resume === null ? null : store.birthIn(key, resume);
  const proof = birth === null ? { hasProof: false } : { hasProof: true, birth };
  // A hello may be late itself, and its stream's last holder further on by what may be in flight.
  const doubtEnd = next + STREAM_INFLIGHT_EVENTS_MAX;
  const hasPast = resume !== null || held.length > 0;
  const claim = await store.claim({ key, ...proof, holder, next: doubtEnd, hasPast });
  if (claim.kind === "denied") {
    const detail = "this stream is known and resume does not prove it: take a new stream id";
    return { kind: "refused", fault: { name: "resume_denied", detail }, record: null };
  }
  const { lease, record, isClean } = claim;
  const known = reconcile({ record, isClean, held, next });
  if (known.kind === "view") return { kind: "entered", lease, view: known.view };
  if (record !== null) await lease.release(record);
  const detail = `${known.detail}: take a new stream id`;
  return { kind: "refused", fault: { name: "resume_denied", detail }, record };
}

/** What the codec is told of every frame of a stream, but the time of receipt. */
export function frameContext(
  limits: StreamLimits,
  {
    principal,
    stream,
    ctx,
    sender,
  }: {
    readonly principal: Principal;
    readonly stream: NonNullable<FrameContext["stream"]>;
    /** Of the hello. */
    readonly ctx: Hello["ctx"];
    readonly sender: StreamPeer["sender"];
  },
): Omit<FrameContext, "receivedAtMs"> {
  const { privacySalt } = principal.policy.tenant;
  return {
    shape: "pub",
    payload: limits.payload,
    typeMember: limits.typeMember,
    ...contextMembers(limits.nativeForm, ctx),
    tenant: principal.tenant,
    source: principal.source,
    ...(privacySalt === null ? {} : { privacySalt }),
    eventBytesMax: limits.eventBytesMax,
    eventsMax: limits.frameEventsMax,
    stream,
    sender,
  };
}

/** What the hello says of the connection goes below what frames and events say. */
function contextMembers(
  nativeForm: Dialect | null,
  ctx: string | null,
): Pick<FrameContext, "dialect" | "hostMembers"> {
  if (nativeForm === null) return {};
  return { dialect: nativeForm, ...(ctx === null ? {} : { hostMembers: ctx }) };
}

/** The member of a `welcome` or `auth_ok` that says when a sender's credentials end. */
export function authExpiry(sender: Principal | null): { readonly auth_exp?: number } {
  const expiresAtMs = sender?.expiresAtMs ?? Infinity;
  return Number.isFinite(expiresAtMs) ? { auth_exp: expiresAtMs } : {};
}
