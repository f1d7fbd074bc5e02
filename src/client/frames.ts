/**
 * Frames of `sluice.v1.json` as a client meets them (docs/protocol.md §2.4): what the server sends,
 * and what its close codes ask for (§2.8). Pure.
 */

import type { Outcome } from "./types.ts";

/** Inclusive. */
export type Range = readonly [from: number, to: number];

export const SUBPROTOCOL = "sluice.v1.json";

export interface Credit {
  readonly seq: number;
  readonly bytes: number;
}

export type Rejection = Omit<Outcome, "outcome" | "id"> & { readonly seq: number };

/** Any frame of the server; which members are there depends on `t`. */
export interface ServerFrame {
  readonly t: string;
  readonly done?: number;
  readonly upto?: number;
  readonly sack?: readonly Range[];
  readonly dup?: readonly Range[];
  readonly exc?: readonly Rejection[];
  readonly rej?: readonly Rejection[] | undefined;
  readonly retry?: readonly { readonly seq: number; readonly after_ms?: number }[];
  readonly credit?: Credit;
  readonly seq?: number;
  readonly bytes?: number;
  readonly resume?: string;
  readonly limits?: { readonly frame_bytes: number; readonly event_bytes: number } & {
    readonly frame_events: number;
  };
  /** Seconds. */
  readonly ping?: number;
  /** Of the server's clock, as `auth_exp`. */
  readonly time?: number;
  readonly auth_exp?: number;
  readonly n?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly fatal?: boolean;
  readonly after_ms?: number;
  readonly url?: string;
}

/** A frame, undefined for what is none: such text is ignored. */
export function parseFrame(text: unknown): ServerFrame | undefined {
  try {
    // What a server says is trusted as far as its members are used.
    const frame = JSON.parse(String(text)) as ServerFrame | null;
    return typeof frame?.t === "string" ? frame : undefined;
  } catch {
    return undefined;
  }
}

export function isWithin(ranges: readonly Range[] | undefined, seq: number): boolean {
  return ranges?.some(([from, to]) => from <= seq && seq <= to) ?? false;
}

/** Of `held` in a hello. */
export const RANGES_MAX = 64;

/**
 * Makes the last of too many ranges one; true: they say more than they did. A number too many is
 * asked for in vain, one left out would be taken for final.
 */
export function round(held: [number, number][]): boolean {
  const rest = held.splice(RANGES_MAX - 1);
  if (rest[0] !== undefined) held.push([rest[0][0], rest.at(-1)?.[1] ?? 0]);
  return rest.length > 1;
}

/** Instead of a close code: this client closes to say hello anew. */
export const AGAIN = 0;

/**
 * What a close code asks for. `retry`: come back after a pause; `again`: at once; `frame`:
 * something that was sent may be the reason; `token`: with a fresh token, once; `reload`: another
 * context has taken the stream; `renew`: with a new stream; `stop`: nothing helps until the client
 * is changed.
 */
export type CloseClass = "retry" | "again" | "frame" | "token" | "reload" | "renew" | "stop";

const CLASSES: Readonly<Record<number, CloseClass>> = {
  [AGAIN]: "again",
  1002: "frame",
  1003: "frame",
  1007: "frame",
  1008: "stop",
  1009: "frame",
  4400: "frame",
  4401: "token",
  4408: "retry",
  4409: "reload",
  4410: "renew",
  4429: "retry",
};

export function closeClass(code: number): CloseClass {
  return CLASSES[code] ?? (code >= 4400 && code < 4450 ? "stop" : "retry");
}
