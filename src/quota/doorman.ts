/**
 * Who may knock, by address: most connections at once, new ones a second, and failures to show good
 * credentials. What is over is turned away before anything of it is read. Each process counts for
 * itself. Addresses of this machine are not counted: a proxy here that is not trusted would make
 * one client of all.
 */
import { TokenBucket } from "../lib/token-bucket.ts";
import { CALLERS_LOOKED_AT_MAX, CALLERS_MAX } from "../limits/admission.ts";

export interface DoormanLimits {
  /** WebSockets of one address at once. */
  readonly connections: number;
  readonly handshakesPerSecond: number;
  readonly authFailuresPerMinute: number;
}

export type TurnedAwayBy = "connections" | "handshakes" | "auth_failures";

export interface TurnedAway {
  readonly by: TurnedAwayBy;
  /** One sentence for the client. */
  readonly detail: string;
  readonly waitMs: number;
}

export interface DoormanOptions {
  readonly limits: DoormanLimits;
  /** Monotonic, ms. */
  readonly clockMs: () => number;
  readonly onTurnedAway: (by: TurnedAwayBy) => void;
}

interface Caller {
  readonly handshakes: TokenBucket;
  readonly failures: TokenBucket;
  open: number;
}

const DETAILS: Readonly<Record<TurnedAwayBy, string>> = {
  connections: "this address has as many connections as it may have",
  handshakes: "this address opens connections too fast",
  auth_failures: "this address has shown too many credentials that are not good",
};

/** How long who has too many connections should wait: nobody knows when one of them ends. */
const CONNECTIONS_WAIT_MS = 10_000;

/** Seconds of its rate of handshakes that an address may use at once. */
const HANDSHAKE_BURST_SECONDS = 4;

export class Doorman {
  readonly #options: DoormanOptions;
  /** By addressKey, the one seen last at the end. */
  readonly #callers = new Map<string, Caller>();

  constructor(options: DoormanOptions) {
    this.#options = options;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#callers.size;
  }

  /** A request that opens a connection; null: it may. */
  handshake(address: string): TurnedAway | null {
    const caller = this.#caller(address);
    if (caller === null) return null;
    const { failures, handshakes, open } = caller;
    if (failures.waitMs > 0) return this.#away("auth_failures", failures.waitMs);
    if (open >= this.#options.limits.connections) {
      return this.#away("connections", CONNECTIONS_WAIT_MS);
    }
    if (handshakes.waitMs > 0) return this.#away("handshakes", handshakes.waitMs);
    handshakes.take(1);
    return null;
  }

  /** Any other request; null: it may. */
  request(address: string): TurnedAway | null {
    if (this.#callers.size === 0) return null;
    const known = this.#callers.get(addressKey(address));
    const waitMs = known?.failures.waitMs ?? 0;
    return waitMs === 0 ? null : this.#away("auth_failures", waitMs);
  }

  /** Credentials from there were not good. */
  authFailed(address: string): void {
    this.#caller(address)?.failures.take(1);
  }

  opened(address: string): void {
    const caller = this.#caller(address);
    if (caller !== null) caller.open += 1;
  }

  closed(address: string): void {
    const caller = this.#callers.get(addressKey(address));
    if (caller !== undefined && caller.open > 0) caller.open -= 1;
  }

  #away(by: TurnedAwayBy, waitMs: number): TurnedAway {
    this.#options.onTurnedAway(by);
    return { by, detail: DETAILS[by], waitMs };
  }

  /** null: this address is not counted. */
  #caller(address: string): Caller | null {
    if (address === "" || isOwn(address)) return null;
    const key = addressKey(address);
    const known = this.#callers.get(key);
    if (known === undefined && this.#callers.size >= CALLERS_MAX) this.#forget();
    const caller = known ?? this.#newCaller();
    this.#callers.delete(key);
    this.#callers.set(key, caller);
    return caller;
  }

  #newCaller(): Caller {
    const { limits, clockMs } = this.#options;
    const perSecond = limits.handshakesPerSecond;
    const burst = perSecond * HANDSHAKE_BURST_SECONDS;
    const failures = limits.authFailuresPerMinute;
    return {
      handshakes: new TokenBucket({ perSecond, burst }, clockMs),
      failures: new TokenBucket({ perSecond: failures / 60, burst: failures }, clockMs),
      open: 0,
    };
  }

  /**
   * Makes room: of those not seen for longest the first without connections goes, and begins anew
   * when it comes again. Where all of them have some, the oldest goes with what is counted of it.
   */
  #forget(): void {
    const oldest = [...this.#callers.entries().take(CALLERS_LOOKED_AT_MAX)];
    const [key] = oldest.find(([, { open }]) => open === 0) ?? oldest[0] ?? [];
    if (key !== undefined) this.#callers.delete(key);
  }
}

/** An IPv6 network of 64 bits is one customer; an IPv4 address counts by itself. */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const [front = "", back] = address.split("::");
  const groups = front === "" ? [] : front.split(":");
  const missing = back === undefined ? 0 : 8 - groups.length - back.split(":").length;
  const whole = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => "0")];
  return `${[...whole, ...(back?.split(":") ?? [])].slice(0, 4).join(":")}::/64`;
}

function isOwn(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
