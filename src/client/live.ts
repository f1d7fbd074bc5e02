/**
 * `sluice/client/live`: subscribes to the live feed (docs/live.md), in browsers and in Node.js. It
 * comes back after any break, goes on where it was, drops what it has had, and fetches what it
 * missed. It shares nothing with the client that sends.
 *
 *   connecting ──subscribed──▶ catching_up ──caught_up──▶ live
 *       ▲                           └────────close────────┘──▶ offline ──▶ connecting
 *       └── refused for good: stopped; close(): closed
 */
import type { ClientClock, SocketConstructor, SocketLike } from "./types.ts";

/** An event as the feed gives it. */
export interface LiveEvent<Value = Record<string, unknown>> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When sluice took it: ms since 1970. */
  readonly timestamp: number;
  readonly key: string | null;
  readonly type: string;
  readonly id: string | null;
  readonly source: string;
  /** When it happened: ms since 1970. */
  readonly time: number;
  /** It may be stored twice, under the same id. */
  readonly repeat?: boolean;
  /** The record; null where `reason` says why. */
  readonly value: Value | null;
  readonly reason?: string;
}

/** Offsets that were not sent, the last one exclusive, and cannot be fetched. */
export interface LiveGap {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly reason: "slow" | "behind" | "retention" | "reset" | "limit";
}

export interface LiveCondition {
  /** RFC 6901 pointer into the event's value. */
  readonly path: string;
  readonly op?: "eq" | "ne" | "in" | "gt" | "gte" | "lt" | "lte" | "prefix" | "exists";
  readonly value?: unknown;
}

export type LiveState = "connecting" | "catching_up" | "live" | "offline" | "stopped" | "closed";

export interface SubscribeOptions<Value = Record<string, unknown>> {
  /** Of the gateway: `https://events.example.com`, with a path if it is behind one. */
  readonly url: string;
  /** Key, token or ticket; a function is asked at each connection, and before they end. */
  readonly auth?: string | (() => Promise<string>);
  readonly topics?: readonly string[];
  readonly types?: readonly string[];
  readonly keys?: readonly string[];
  readonly where?: readonly LiveCondition[];
  /** `now` (default), a time (ms since 1970 or RFC 3339), or a token of an earlier subscription. */
  readonly from?: number | string | { readonly token: string };
  /** Events of one partition come in order, those of a gap later; each of them once. */
  readonly onEvent: (event: LiveEvent<Value>) => void;
  readonly onCaughtUp?: () => void;
  /** Hears of what is lost: what can be fetched is fetched. */
  readonly onGap?: (gap: LiveGap) => void;
  readonly onState?: (state: LiveState, detail: string) => void;
  /** For runtimes without a global one (Node.js before 22), and for tests. */
  readonly WebSocket?: SocketConstructor;
  readonly clock?: ClientClock;
  /** From 0 up to 1; default Math.random: it spreads connections, and guards nothing. */
  readonly random?: () => number;
}

export interface LiveSubscription {
  readonly state: LiveState;
  /** Where it is: everything before has been given to `onEvent`; undefined before it is known. */
  readonly token: string | undefined;
  close(): void;
}

const SUBPROTOCOL = "sluice.live.v1.json";

/** Pauses are a random part of a ceiling that doubles; a good connection starts the count anew. */
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
const HEALTHY_MS = 10_000;

/** From the first try to `subscribed`; Kafka may take its time. */
const WELCOME_MS = 20_000;

/** Silence of so many heartbeats is the end of a connection. */
const SILENT_BEATS = 2.5;

const RENEW_BEFORE_MS = 60_000;

/** Whatever the clocks say; timers can be set no longer. */
const RENEW_MS_MIN = 10_000;
const RENEW_MS_MAX = 2_000_000_000;

const UNAUTHENTICATED = 4401;

/** Offsets that one `fetch` may ask for. */
const FETCH_MAX = 100_000;

/** Any frame of the server; which members are there depends on `t`. */
interface Frame extends Omit<LiveEvent<never>, "reason">, LiveGap {
  readonly t: string;
  readonly token?: string;
  readonly heartbeat: number;
  readonly auth_exp?: number;
  readonly after_ms: number;
  readonly code: string;
  readonly detail: string;
  readonly fatal: boolean;
}

interface Missed extends LiveGap {
  /** The next offset of it. */
  next: number;
}

const systemClock: ClientClock = {
  now: () => Date.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

const nothing = (): void => {};

/** Begins at once. Throws a TypeError where there is no WebSocket. */
export function subscribe<Value = Record<string, unknown>>(
  options: SubscribeOptions<Value>,
): LiveSubscription {
  // The default is the platform's; a caller's word for the values is taken as it is.
  return new Subscription(options);
}

class Subscription implements LiveSubscription {
  state: LiveState = "connecting";
  token: string | undefined;
  readonly #options: SubscribeOptions<never>;
  readonly #clock: ClientClock;
  readonly #Socket: SocketConstructor;
  /** By topic and partition, the next offset. */
  readonly #next = new Map<string, number>();
  readonly #missed: Missed[] = [];
  #socket: SocketLike | undefined;
  #pauses = 0;
  #subscribedAt = 0;
  #backAfterMs = 0;
  #beatMs = 0;
  #reason = "";
  #wasRefused = false;
  #isFetching = false;
  #cancelWatch = nothing;
  #cancelPause = nothing;
  #cancelRenewal = nothing;

  constructor(options: SubscribeOptions<never>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const Socket: SocketConstructor | undefined = options.WebSocket ?? globalThis.WebSocket;
    if (Socket === undefined) throw new TypeError("no WebSocket here: give one as an option");
    this.#Socket = Socket;
    this.#connect();
  }

  close(): void {
    this.#drop();
    this.#become("closed", "");
  }

  #become(state: LiveState, detail: string): void {
    this.state = state;
    this.#options.onState?.(state, detail);
  }

  #connect(): void {
    this.#become("connecting", "");
    this.#credentials().then(
      (auth) => {
        if (this.state === "connecting") this.#open(auth);
      },
      (error: unknown) => {
        if (this.state === "connecting") this.#pause(`no credentials: ${String(error)}`);
      },
    );
  }

  async #credentials(): Promise<string | undefined> {
    const { auth } = this.#options;
    return typeof auth === "function" ? auth() : auth;
  }

  #open(auth: string | undefined): void {
    const { url, topics, types, keys, where, from } = this.#options;
    const target = `${url.replace(/^http/, "ws").replace(/\/+$/, "")}/v1/live`;
    const socket = new this.#Socket(target, [SUBPROTOCOL]);
    this.#socket = socket;
    this.#reason = "";
    this.#subscribedAt = 0;
    this.#backAfterMs = 0;
    this.#watch(WELCOME_MS);
    socket.onopen = () => {
      const start = this.token === undefined ? from : { token: this.token };
      this.#say({ t: "subscribe", v: 1, auth, topics, types, keys, where, from: start });
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      // What the gateway says is trusted as far as its members are used.
      if (this.#socket === socket) this.#hear(JSON.parse(String(data)) as Frame);
    };
    socket.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
      if (this.#socket === socket) this.#ended(code, this.#reason || reason);
    };
    socket.onerror = nothing;
  }

  /** Undefined members have no JSON. */
  #say(frame: object): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** Gives a silent connection up. */
  #watch(ms: number): void {
    this.#cancelWatch();
    this.#cancelWatch = this.#clock.after(ms, () => this.#ended(1006, "silence"));
  }

  #hear(frame: Frame): void {
    if (this.#beatMs > 0 && this.#subscribedAt > 0) this.#watch(this.#beatMs * SILENT_BEATS);
    switch (frame.t) {
      case "event":
        this.#take(frame);
        break;
      case "gap":
        this.#missedSome(frame);
        break;
      case "subscribed":
        this.#welcome(frame);
        break;
      case "caught_up":
        this.#become("live", "");
        this.#options.onCaughtUp?.();
        break;
      case "fetched":
        this.#missed.shift();
        this.#isFetching = false;
        this.#fetch();
        break;
      case "auth_ok":
        this.#renewBefore(frame.auth_exp);
        break;
      case "goaway":
        this.#backAfterMs = frame.after_ms;
        break;
      case "error":
        this.#complained(frame);
        break;
      default:
    }
    if (frame.t !== "gap") this.token = frame.token ?? this.token;
  }

  #welcome({ heartbeat, auth_exp: expiresAt }: Frame): void {
    this.#subscribedAt = this.#clock.now();
    this.#wasRefused = false;
    this.#beatMs = heartbeat * 1_000;
    this.#watch(this.#beatMs * SILENT_BEATS);
    this.#become("catching_up", "");
    this.#renewBefore(expiresAt);
    this.#isFetching = false;
    this.#fetch();
  }

  #renewBefore(expiresAt: number | undefined): void {
    this.#cancelRenewal();
    if (expiresAt === undefined || typeof this.#options.auth !== "function") return;
    const leftMs = expiresAt - RENEW_BEFORE_MS - this.#clock.now();
    const delayMs = Math.min(Math.max(leftMs, RENEW_MS_MIN), RENEW_MS_MAX);
    this.#cancelRenewal = this.#clock.after(delayMs, () => {
      // Without fresh ones the connection ends when the old ones do.
      this.#credentials().then((token) => this.#say({ t: "auth", token }), nothing);
    });
  }

  #take({ t: _t, ...event }: Frame): void {
    const { topic, partition, offset } = event;
    const place = `${topic}/${partition}`;
    if (offset >= (this.#next.get(place) ?? 0)) {
      this.#next.set(place, offset + 1);
      this.#options.onEvent(event);
      return;
    }
    const missed = this.#missed.find(
      (range) => range.topic === topic && range.partition === partition && offset < range.to,
    );
    // What is in no range was had before the connection broke.
    if (missed === undefined || offset < missed.next) return;
    missed.next = offset + 1;
    this.#options.onEvent(event);
  }

  #missedSome({ topic, partition, from, to, reason }: Frame): void {
    const place = `${topic}/${partition}`;
    const gap = { topic, partition, from, to, reason };
    const next = this.#next.get(place) ?? 0;
    if (reason === "reset") this.#next.delete(place);
    else this.#next.set(place, Math.max(next, to));
    if (reason === "retention" || reason === "reset") this.#options.onGap?.(gap);
    else {
      for (let start = from; start < to; start += FETCH_MAX) {
        const end = Math.min(to, start + FETCH_MAX);
        this.#missed.push({ ...gap, from: start, to: end, next: start });
      }
      this.#fetch();
    }
  }

  #fetch(): void {
    const [first] = this.#missed;
    if (first === undefined || this.#isFetching || this.#subscribedAt === 0) return;
    const { topic, partition, next, to } = first;
    if (next >= to) {
      this.#missed.shift();
      this.#fetch();
      return;
    }
    this.#isFetching = true;
    this.#say({ t: "fetch", topic, partition, from: next, to });
  }

  #complained({ code, detail, fatal }: Frame): void {
    if (fatal) this.#reason = `${code}: ${detail}`;
    else if (this.#isFetching) {
      this.#isFetching = false;
      const missed = this.#missed.shift();
      if (missed !== undefined) {
        const { next: from, ...gap } = missed;
        this.#options.onGap?.({ ...gap, from });
      }
      this.#fetch();
    }
  }

  #drop(): void {
    this.#cancelWatch();
    this.#cancelPause();
    this.#cancelRenewal();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #ended(code: number, detail: string): void {
    const heardMs = this.#subscribedAt === 0 ? 0 : this.#clock.now() - this.#subscribedAt;
    if (heardMs >= HEALTHY_MS) this.#pauses = 0;
    this.#drop();
    const mayRenew = typeof this.#options.auth === "function" && !this.#wasRefused;
    if (code === UNAUTHENTICATED && mayRenew) {
      this.#wasRefused = true;
      this.#connect();
    } else if (isFinal(code)) this.#become("stopped", `${code} ${detail}`);
    else this.#pause(`${code} ${detail}`);
  }

  #pause(detail: string): void {
    const { random = Math.random } = this.#options;
    const ceilingMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** this.#pauses);
    this.#pauses += 1;
    const pauseMs = Math.max(this.#backAfterMs, random() * ceilingMs);
    this.#cancelPause = this.#clock.after(pauseMs, () => this.#connect());
    this.#become("offline", detail);
  }
}

/** Does a close code say that coming back is of no use? See docs/protocol.md §2.8. */
function isFinal(code: number): boolean {
  if (code === 4408 || code === 4429) return false;
  return [1002, 1003, 1007, 1008, 1009].includes(code) || (code >= 4400 && code < 4450);
}
