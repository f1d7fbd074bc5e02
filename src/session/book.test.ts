import { MemoryStore } from "./memory-store.ts";
import { describeBook } from "./testing/book-contract.ts";

describeBook({
  name: "MemoryBook",
  open: async (nowMs) => {
    const store = new MemoryStore({ nowMs, announces: true });
    return { store, other: null, close: () => store.stop() };
  },
});
