/**
 * What users of `sluice/client` see: the client, its options, what becomes of an event, and what a
 * store has to do. Types only.
 */

/**
 * What became of an event. `stored`: in Kafka; `duplicate`: it was there already; `rejected`:
 * refused for good; `dropped`: given up by this client, with a named reason; `kept`: this client
 * was closed or stopped, and another one with the same store will send it.
 */
export type OutcomeName = "stored" | "duplicate" | "rejected" | "dropped" | "kept";

export interface Outcome {
  readonly id: string;
  readonly outcome: OutcomeName;
  /**
   * Of a rejected event: the server's code (docs/protocol.md §2.11), or this client's own:
   * `too_large`, `not_json`, `poison` (the server closes whenever this event is sent). Of a
   * dropped one: `queue_full`, `closed`, `stopped`, `outcome_lost` (another tab has settled it and
   * could not tell how), `poison` (the connection is cut whenever it is sent).
   */
  readonly code?: string;
  readonly kind?: string;
  /** Where in the event the fault is, RFC 6901. */
  readonly path?: string;
  readonly expected?: string;
  readonly got?: string;
  readonly detail?: string;
}

export interface TrackOptions {
  /** Of the event, 1 to 200 bytes; a UUIDv7 if absent. */
  readonly id?: string;
  /** Time of the event, ms since 1970 or RFC 3339; now if absent. */
  readonly ts?: number | string;
  /** Kafka key. */
  readonly key?: string | number;
  /** Another schema of the type: a registry id, `fp:<hex>`, `subject` or `subject:version`. */
  readonly schema?: string | number;
}

/** An event that is on its way. */
export interface Tracked {
  readonly id: string;
  /** Resolves, never rejects, once it is known what became of the event. */
  outcome(): Promise<Outcome>;
}

/**
 * `waiting`: another context sends this queue; `idle`: nothing to send; `connecting`, `open`;
 * `offline`: waits before it tries again; `stopped`: refused for a reason that time does not mend;
 * `closed`: by `close()`.
 */
export type ClientState =
  | "waiting"
  | "idle"
  | "connecting"
  | "open"
  | "offline"
  | "stopped"
  | "closed";

export interface StateReport {
  readonly state: ClientState;
  /** Why it is offline or stopped. */
  readonly detail?: string | undefined;
}

/** Names of events and what they carry; `./sluice types` makes one from schemas. */
export type EventMap = object;

export interface Client<Events extends EventMap = Record<string, object>> {
  /** Queues an event; never throws. */
  track<Type extends keyof Events & string>(
    type: Type,
    data: Events[Type],
    options?: TrackOptions,
  ): Tracked;
  /**
   * Sends what is queued without lingering. Resolves to true when every event tracked so far has
   * its outcome, to false when before that `timeoutMs` (absent: no limit) has passed, or the server
   * has refused the client for good.
   */
  flush(timeoutMs?: number): Promise<boolean>;
  /**
   * Flushes for at most `timeoutMs` (default 5 000), says goodbye and lets go of everything. Events
   * without an outcome are then `kept` by a durable store, or `dropped`.
   */
  close(timeoutMs?: number): Promise<void>;
  /**
   * Hears of every event of the queue, whichever tab tracked it, once; again only where a failing
   * store could not forget it, and of one that was `kept` by a stopped client when another tab has
   * sent it. Gives a function that ends it.
   */
  on(name: "outcome", listener: (outcome: Outcome) => void): () => void;
  on(name: "state", listener: (report: StateReport) => void): () => void;
  readonly state: ClientState;
  /** Events without an outcome that this context knows of, and the bytes of their JSON. */
  readonly queued: { readonly events: number; readonly bytes: number };
}

/** The part of the standard WebSocket that is used. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  /** Given `{data}`, which is text. */
  onmessage: ((event: never) => void) | null;
  /** Given `{code, reason}`. */
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/** Time, for tests that decide it. */
export interface ClientClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls once after the delay; gives a function that cancels it. */
  after(delayMs: number, action: () => void): () => void;
}

export interface ClientOptions {
  /** Of the gateway: `https://events.example.com`, with a path if it is behind one. */
  readonly url: string;
  readonly writeKey?: string;
  /** Instead of a write key: gives a token; asked again when one has expired. */
  readonly token?: () => Promise<string>;
  /**
   * `data` (default): `track`'s data is the record. `whole`: the pack takes bare events; the data
   * then holds its type and id where the pack says.
   */
  readonly payload?: "data" | "whole";
  /** Where events wait. Browser: IndexedDB, else memory. Node.js: memory. */
  readonly store?: Store;
  /** Browser: name of the queue that tabs of the same origin share; one for each url and key. */
  readonly queueName?: string;
  /** Bounds of the queue; default 5 000 events and 5 MiB. */
  readonly queueEventsMax?: number;
  readonly queueBytesMax?: number;
  /**
   * Hears of every event that is given up: what comes while the queue is full (drop policy
   * `newest`: what is queued already may be on its way, and stays), or after `close()`; once the
   * client is stopped, what no durable store keeps.
   */
  readonly onDrop?: (outcome: Outcome) => void;
  /** An event waits this long for company; default 50 ms. */
  readonly lingerMs?: number;
  /** This many events, or bytes of them, are sent without lingering; default 100 and 32 KiB. */
  readonly batchEvents?: number;
  readonly batchBytes?: number;
  /** For runtimes without a global one (Node.js before 22), and for tests. */
  readonly WebSocket?: SocketConstructor;
  /**
   * Where there is no WebSocket, or none gets through: `HttpSocket`, which Node.js has by default.
   */
  readonly fallback?: SocketConstructor;
  readonly clock?: ClientClock;
  /** From 0 up to 1; the default is a good source. */
  readonly random?: () => number;
}

/** An event as a store keeps it. */
export interface SavedEvent {
  readonly id: string;
  /** The JSON that is sent. */
  readonly json: string;
}

/** What must be known of the stream to go on with it. Keys are those of the store. */
export interface StreamRecord {
  /** UUID. */
  readonly stream: string;
  /** An event's number in the stream is its key minus this. */
  readonly base: number;
  /** The server's token. */
  readonly resume: string;
  /** Keys up to this one may have been sent. */
  readonly sent: number;
  /** Keys up to this one were given to events. */
  readonly last: number;
}

/** What contexts that share a store tell one another. */
export interface Peers {
  added(): void;
  settled(outcomes: readonly (readonly [key: number, outcome: Outcome])[]): void;
  listen(listener: {
    added(): void;
    settled(outcomes: readonly (readonly [key: number, outcome: Outcome])[]): void;
  }): void;
}

/**
 * Where events wait until their outcome is known. Calls come one after the other; each either has
 * happened as a whole when it resolves, or has not when it rejects.
 */
export interface Store {
  /** Whether events outlive this context. */
  readonly durable: boolean;
  /** Present where several contexts share the store. */
  readonly peers?: Peers;
  /** Resolves once this context alone may send; the function gives that up. */
  lock(): Promise<() => void>;
  /** Events with a key above `after`, ascending, and the record that was saved last. */
  load(after: number): Promise<{
    readonly record: StreamRecord | undefined;
    readonly events: readonly (readonly [key: number, event: SavedEvent])[];
  }>;
  /** Adds events at the end. Keys are consecutive integers above all that were ever given. */
  add(events: readonly SavedEvent[]): Promise<readonly number[]>;
  /** Forgets events and saves the record. */
  settle(keys: readonly number[], record: StreamRecord): Promise<void>;
  close(): void;
}
