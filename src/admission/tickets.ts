/**
 * Tickets: a browser that may not put its token into a WebSocket's URL exchanges it for one that
 * lives some seconds and opens one connection (protocol §2.3). A ticket is signed, so that any
 * process of the gateway takes it, and used up in a memory that all of them share, if there is one.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

import { TICKET_BYTES_MAX, TICKET_TTL_MS } from "../limits/admission.ts";

/**
 * Remembers what was used up. `claim` is true for the first who asks for an id, at most `ttlMs`.
 */
export interface OnceMemory {
  claim(id: string, ttlMs: number): Promise<boolean>;
}

/** What a ticket stands for. */
export interface TicketHolder {
  readonly tenant: string;
  readonly source: string;
  readonly scopes: readonly string[];
  /** Wall clock, ms since 1970; null: no end. */
  readonly expiresAtMs: number | null;
  /** Digest of the key it was bought with, so that a revoked key's tickets are worth nothing. */
  readonly keyDigest: string | null;
  /** Of the token it was bought with, likewise; null: it was none. */
  readonly issuer: string | null;
}

export interface TicketsOptions {
  /** Shared by the processes that take one another's tickets. */
  readonly secret: () => string;
  readonly once: OnceMemory;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  /** A fresh id, never given before. */
  readonly newId: () => string;
}

interface TicketText {
  readonly id: string;
  readonly untilMs: number;
  readonly holder: TicketHolder;
}

const PREFIX = "tk_";

/** Does this look like a ticket? */
export function isTicketLike(credentials: string): boolean {
  return credentials.startsWith(PREFIX) && credentials.includes(".");
}

export class Tickets {
  readonly #options: TicketsOptions;

  constructor(options: TicketsOptions) {
    this.#options = options;
  }

  /** A ticket for this holder, good for TICKET_TTL_MS and one use. */
  issue(holder: TicketHolder): string {
    const { nowMs, newId } = this.#options;
    const text: TicketText = { id: newId(), untilMs: nowMs() + TICKET_TTL_MS, holder };
    const body = Buffer.from(JSON.stringify(text)).toString("base64url");
    return `${PREFIX}${body}.${this.#signature(body).toString("base64url")}`;
  }

  /** Uses a ticket up; null if it is not one, is too old or was used before. */
  async redeem(ticket: string): Promise<TicketHolder | null> {
    if (ticket.length > TICKET_BYTES_MAX || !isTicketLike(ticket)) return null;
    const dot = ticket.indexOf(".");
    const body = ticket.slice(PREFIX.length, dot);
    const signature = Buffer.from(ticket.slice(dot + 1), "base64url");
    const expected = this.#signature(body);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return null;
    // Signed by us, so it has the form we gave it.
    const text = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as TicketText;
    const leftMs = text.untilMs - this.#options.nowMs();
    if (leftMs <= 0) return null;
    return (await this.#options.once.claim(text.id, leftMs)) ? text.holder : null;
  }

  #signature(body: string): Buffer {
    return createHmac("sha256", `ticket:${this.#options.secret()}`).update(body).digest();
  }
}

/** The memory of one process: enough where there is only one. */
export class ProcessOnceMemory implements OnceMemory {
  readonly #until = new Map<string, number>();
  readonly #nowMs: () => number;
  readonly #idsMax: number;

  constructor(options: { readonly nowMs: () => number; readonly idsMax: number }) {
    this.#nowMs = options.nowMs;
    this.#idsMax = options.idsMax;
  }

  claim(id: string, ttlMs: number): Promise<boolean> {
    const nowMs = this.#nowMs();
    for (const [old, untilMs] of this.#until) {
      if (untilMs > nowMs) break;
      this.#until.delete(old);
    }
    // Full: nobody is let in who could have been in before.
    if (this.#until.has(id) || this.#until.size >= this.#idsMax) return Promise.resolve(false);
    this.#until.set(id, nowMs + ttlMs);
    return Promise.resolve(true);
  }
}
