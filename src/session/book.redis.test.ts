import { after, before, describe, test } from "node:test";

import { RedisStore } from "./redis-store.ts";
import { bookTests } from "./testing/book-contract.ts";
import { startPrivateRedis, until } from "./testing/private-redis.ts";
import type { PrivateRedis } from "./testing/private-redis.ts";

let server: PrivateRedis;

before(async () => {
  server = await startPrivateRedis();
});
after(() => server.kill());

async function openStore(writer: string, nowMs: () => number): Promise<RedisStore> {
  const store = new RedisStore({ url: server.url, writer, nowMs, announces: true });
  store.start();
  await until("connected", async () => (await store.book.find("a:b:c")).kind === "found");
  return store;
}

const contract = bookTests({
  open: async (nowMs) => {
    await server.admin.flushall();
    const store = await openStore("one", nowMs);
    const other = await openStore("two", nowMs);
    const close = async (): Promise<void> => {
      await Promise.all([store.stop(), other.stop()]);
    };
    return { store, other, close };
  },
});

describe("RedisBook as a book of sessions", () => {
  for (const { name, run } of contract) test(name, run);
});
