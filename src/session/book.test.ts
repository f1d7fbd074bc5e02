import { describe, test } from "node:test";

import { MemoryStore } from "./memory-store.ts";
import { bookTests } from "./testing/book-contract.ts";

const contract = bookTests({
  open: async (nowMs) => {
    const store = new MemoryStore({ nowMs, announces: true });
    return { store, other: null, close: () => store.stop() };
  },
});

describe("MemoryBook as a book of sessions", () => {
  for (const { name, run } of contract) test(name, run);
});
