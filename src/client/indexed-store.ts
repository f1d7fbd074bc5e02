/**
 * The store of browsers: one IndexedDB database that all tabs of an origin share. A Web Lock says
 * which of them sends; the others add their events and say so over a BroadcastChannel. When a tab
 * dies its lock passes on, so no queue is ever left behind. Where one of the three is missing there
 * is no such store.
 */
import type { Peers, SavedEvent, Store, StreamRecord } from "./types.ts";

const EVENTS = "events";
const RECORD = "record";

/** Undefined where the browser has not all it takes (pages that are not served securely). */
export function indexedStore(name: string): Store | undefined {
  const locks = globalThis.navigator?.locks;
  const { indexedDB, BroadcastChannel } = globalThis;
  // Some browsers throw on access, others have no such member.
  if (!locks || !indexedDB || !BroadcastChannel) return undefined;
  const channel = new BroadcastChannel(name);
  const closing = new AbortController();
  let opened: Promise<IDBDatabase> | undefined;
  const database = () => (opened ??= open(indexedDB, name));
  return {
    durable: true,
    peers: peersOn(channel),
    lock: () =>
      new Promise((granted, refused) => {
        const hold = () => new Promise<void>((release) => granted(release));
        locks.request(name, { signal: closing.signal }, hold).catch(refused);
      }),
    load: async (after) => {
      const transaction = (await database()).transaction([EVENTS, RECORD]);
      const [saved, record] = await Promise.all([
        result<(SavedEvent & { readonly key: number })[]>(
          transaction.objectStore(EVENTS).getAll(IDBKeyRange.lowerBound(after, true)),
        ),
        result<StreamRecord | undefined>(transaction.objectStore(RECORD).get(RECORD)),
      ]);
      return { record, events: saved.map((event) => [event.key, event]) };
    },
    add: async (events) => {
      const transaction = (await database()).transaction(EVENTS, "readwrite");
      const store = transaction.objectStore(EVENTS);
      const keys = events.map((event) => result<number>(store.add(event)));
      await committed(transaction);
      return Promise.all(keys);
    },
    settle: async (keys, record) => {
      const transaction = (await database()).transaction([EVENTS, RECORD], "readwrite");
      const events = transaction.objectStore(EVENTS);
      for (const key of keys) events.delete(key);
      transaction.objectStore(RECORD).put(record, RECORD);
      await committed(transaction);
    },
    close: () => {
      closing.abort();
      channel.close();
      void opened?.then((connection) => connection.close());
    },
  };
}

function open(factory: IDBFactory, name: string): Promise<IDBDatabase> {
  const request = factory.open(name, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(EVENTS, { keyPath: "key", autoIncrement: true });
    request.result.createObjectStore(RECORD);
  };
  return result<IDBDatabase>(request);
}

function result<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    // Of the type that was asked for.
    request.onsuccess = () => resolve(request.result as T);
    // Why does not matter, here and below: the client does without.
    request.onerror = reject;
  });
}

/** `commit` lets the transaction end even if the page is gone before its requests are answered. */
function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = reject;
    transaction.commit();
  });
}

function peersOn(channel: InstanceType<typeof BroadcastChannel>): Peers {
  // The rule takes a channel for a window.
  /* oxlint-disable unicorn/require-post-message-target-origin */
  return {
    added: () => channel.postMessage(undefined),
    settled: (outcomes) => channel.postMessage(outcomes),
    /* oxlint-enable unicorn/require-post-message-target-origin */
    listen: (listener) => {
      channel.onmessage = ({ data }: { readonly data: unknown }) => {
        // Only this file posts to this channel: outcomes, or nothing for "added".
        if (data === undefined) listener.added();
        else listener.settled(data as Parameters<Peers["settled"]>[0]);
      };
    },
  };
}
