/**
 * What every façade has to say of itself: which requests are its own, where their events and
 * credentials are, and how its clients want to be answered. Everything between, from the codec to
 * Kafka, is the same for all of them (docs/protocol.md §3). Pure data and functions.
 */
import type { Dialect as DialectName } from "../admission/policy.ts";
import type { Dialect } from "../codec/dialect.ts";
import type { ProblemCode } from "../errors.ts";
import type { ProblemOptions, Reply } from "../protocol/reply.ts";
import type { Verdicts } from "../protocol/results.ts";
import type { BodyShape } from "./native.ts";

/** What a façade looks at before the body came. */
export interface FacadeRequest {
  readonly method: string;
  /** Without a trailing slash, without the query. */
  readonly path: string;
  /** Without "?". */
  readonly query: string;
  /** A header by its name in lower case, "" if it is not there. */
  readonly header: (name: string) => string;
  /** Names of all headers, in lower case. */
  readonly headerNames: () => Iterable<string>;
  /** It came over TLS to the gateway itself. */
  readonly isSecure: boolean;
}

/** Answers of a façade; one for each outcome of a whole request. */
export interface FacadeAnswers {
  /** Every event has its outcome. */
  readonly settled: (batch: Verdicts, options: AnswerOptions) => Reply;
  /** No event was taken. */
  readonly problem: (code: ProblemCode, options: ProblemOptions) => Reply;
}

export interface AnswerOptions {
  readonly requestId: string;
  readonly nowMs: number;
}

/** A request that brings events. */
export interface FacadeEvents {
  readonly kind: "events";
  readonly dialect: DialectName;
  /** null: this content type cannot hold events of the façade. */
  readonly shape: BodyShape | null;
  /** How the codec reads them; absent: natively, as the pack says. */
  readonly form?: Dialect;
  /** Type of events that name none. */
  readonly defaultType?: string;
  /** Key or token of the request's head; null: none, or it is in the body. */
  readonly credentials: string | null;
  /** Member of the body that may hold the key, where the head has none. */
  readonly keyMember?: string;
  /**
   * What the codec reads instead of the body (a pixel has none, a binary CloudEvent needs its
   * head).
   */
  readonly rewrite?: (body: Uint8Array) => Uint8Array;
  readonly limits: FacadeLimits | null;
  /**
   * Its clients know whole requests only and send them again byte for byte; absent: they may name
   * requests by an `Idempotency-Key`.
   */
  readonly fingerprinted?: true;
  readonly record?: FacadeRecord;
  readonly answers: FacadeAnswers;
}

/** What its events say of themselves besides the record, read from an event as it was sent. */
export interface FacadeRecord {
  /** Part of an event's identity that stands before its id. */
  readonly scopeOf: (event: Uint8Array) => string;
  /** Further headers of its record, where these are wanted. */
  readonly headersOf: (event: Uint8Array) => ReadonlyArray<readonly [string, string]>;
}

/** null where the native ones hold. */
export interface FacadeLimits {
  readonly bodyBytesMax: number;
  readonly inflatedBytesMax: number;
  readonly eventsMax: number;
}

/** A request that a façade answers by itself. */
export interface FacadeReply {
  readonly kind: "reply";
  readonly dialect: FacadeEvents["dialect"];
  readonly reply: Reply;
  /** Key that has to be good for this answer; null: none is asked for. */
  readonly credentials: string | null;
}

/** A request on one of the façade's paths, with the wrong method. */
export interface FacadeWrongMethod {
  readonly kind: "method";
  /** For the Allow header. */
  readonly allow: string;
}

export type FacadeMatch = FacadeEvents | FacadeReply | FacadeWrongMethod;

/** null: the request is not of this façade. */
export type Facade = (request: FacadeRequest) => FacadeMatch | null;

/** 1×1 transparent GIF, as pixels are answered. */
export const PIXEL_BYTES = Buffer.from(
  "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
  "base64",
);
