/**
 * What one client knows, in one record that the files of this room work on: small functions over
 * plain members make the smallest bundle. Each group of members is changed by the file that is
 * named above it, and by no other.
 */
import type { ServerFrame } from "./frames.ts";
import type { ClientClock, ClientOptions, ClientState, Outcome } from "./types.ts";
import type { SavedEvent, SocketLike, StateReport, Store, Tracked } from "./types.ts";
import { uuid7 } from "./uuid.ts";

const utf8 = new TextEncoder();

/** One event until its outcome is known. */
export interface Entry extends Tracked, SavedEvent {
  /** Of its JSON as UTF-8. */
  readonly bytes: number;
  /** Where it is in the store; 0: not yet. */
  key: number;
  /** Not to be sent before, ms since 1970. */
  notBefore: number;
  readonly settle: (outcome: Outcome) => void;
}

/** `greeting`: hello is said; `saving`: welcome came; `leaving`: goaway came. */
type Phase = "opening" | "greeting" | "saving" | "open" | "leaving";

export type Listener = (heard: never) => unknown;

export interface Core {
  readonly options: ClientOptions;
  /** http or https, without a slash at its end. */
  readonly url: string;
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly listeners: Map<Listener, "outcome" | "state">;
  state: ClientState;
  /** Events without an outcome that this context knows of, and the bytes of their JSON. */
  openEvents: number;
  openBytes: number;
  /** No more connections. */
  isOver: boolean;

  /** What the files below have done by those above. */
  readonly whenAdded: (core: Core) => void;
  readonly whenLeading: (core: Core) => void;
  readonly whenFollowing: (core: Core) => void;
  whenEnded: (core: Core, code: number, detail: string) => void;
  /** `welcome` or `auth_ok` came. */
  readonly whenTrusted: (core: Core, frame: ServerFrame) => void;

  // queue.ts, while this context leads

  /** By key, ascending. */
  entries: Map<number, Entry>;
  /** Those of them that were sent on this connection, which has said nothing of them yet. */
  readonly out: Set<Entry>;
  /** What has come since events were last looked at to be sent. */
  freshEvents: number;
  freshBytes: number;
  /** An event's number in the stream is its key minus this. */
  base: number;
  /** Keys up to this one may have been sent. */
  sent: number;
  /** Keys up to this one were given to events. */
  last: number;
  /** The key that the server takes for the next new one. */
  next: number;

  // outbox.ts

  store: Store;
  stream: string;
  resume: string;
  isLeading: boolean;
  /** Something may be sent at any moment: saved as if all were. */
  isOnAir: boolean;
  /** The lead is not wanted, or another try to get it has begun. */
  leadTry: number;
  release: (() => void) | undefined;
  /** The first try to lead has ended. */
  loaded: Promise<void>;
  /** Not in the store yet, in order. */
  readonly adding: Entry[];
  isAdding: boolean;
  /** In the store, by key, while another context leads. */
  mine: Map<number, Entry>;
  /** In a store that was given up: other contexts may still tell their outcomes. */
  left: Map<number, Entry>;
  /** Keys of events whose outcome is known, still in the store. */
  finished: number[];
  isSaving: Promise<void> | undefined;
  isBroken: boolean;
  /** Calls to the store, one after the other. */
  work: Promise<unknown>;

  // line.ts

  socket: SocketLike | undefined;
  phase: Phase;
  creditSeq: number;
  creditBytes: number;
  bytesSent: number;
  frameBytes: number;
  frameEvents: number;
  /** `held` was too long for a hello, and says more than is true. */
  isRounded: boolean;
  heardAt: number;
  sentAt: number;
  /** 0: not yet. */
  welcomeAt: number;
  pingMs: number;
  /** Why the server will close. */
  reason: string;
  /** Where and when the server wants to see this client again. */
  nextUrl: string | undefined;
  backAt: number;
  cancelWatch: () => void;
  cancelWake: () => void;

  // dialer.ts

  eventBytesMax: number;
  frameBytesMax: number;
  /** A token is being fetched. */
  isDialing: boolean;
  tokenRefused: boolean;
  /** This clock, ahead of the server's. */
  aheadMs: number;
  auth: string | undefined;
  pauses: number;
  /** Tries in a row that never got to a welcome. */
  deafTries: number;
  cancelPause: (() => void) | undefined;
  cancelRenewal: () => void;
  suspect: Entry | undefined;
  suspicions: number;
  /** Events up to this key are sent one by one. */
  singleUntil: number;

  // client.ts

  cancelLinger: (() => void) | undefined;
  /** Those who wait for outcomes, to be told that none will come. */
  readonly flushes: Set<(isDone: boolean) => void>;
}

export function nothing(): void {}

export function newId({ clock, random }: Core): string {
  return uuid7(clock.now(), random);
}

/** One listener that throws harms nobody else: each is called on its own. */
function tell(core: Core, heard: Outcome | StateReport): void {
  const name = "state" in heard ? "state" : "outcome";
  for (const [listener, wanted] of core.listeners) {
    // Each name's listeners take what that name tells.
    if (wanted === name) queueMicrotask(() => listener(heard as never));
  }
}

export function become(core: Core, state: ClientState, detail?: string): void {
  if (core.state === state) return;
  core.state = state;
  tell(core, { state, detail });
}

/** An event that `finish` is to be called for, once. */
export function newEntry(core: Core, id: string, json: string): Entry {
  const bytes = utf8.encode(json).length;
  let settle: Entry["settle"] = nothing;
  const outcome = new Promise<Outcome>((resolve) => {
    settle = resolve;
  });
  core.openEvents += 1;
  core.openBytes += bytes;
  return { id, json, bytes, key: 0, notBefore: 0, settle, outcome: () => outcome };
}

/** An event has its outcome. */
export function finish(core: Core, entry: Entry | undefined, outcome: Outcome): void {
  if (entry !== undefined) {
    core.openEvents -= 1;
    core.openBytes -= entry.bytes;
    entry.settle(outcome);
  }
  tell(core, outcome);
}
