/** A store that lasts as long as its context: nobody shares it, nothing outlives it. */
import type { SavedEvent, Store, StreamRecord } from "./types.ts";

export function memoryStore(): Store {
  const events = new Map<number, SavedEvent>();
  let record: StreamRecord | undefined;
  let last = 0;
  return {
    durable: false,
    lock: async () => () => {},
    load: async (after) => ({ record, events: [...events].filter(([key]) => key > after) }),
    add: async (added) =>
      added.map((event) => {
        last += 1;
        events.set(last, event);
        return last;
      }),
    settle: async (keys, saved) => {
      for (const key of keys) events.delete(key);
      record = saved;
    },
    close: () => {},
  };
}
