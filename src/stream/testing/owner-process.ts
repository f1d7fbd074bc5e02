/** A process that holds one stream until it is killed: node owner-process.ts URL STREAM_HEX */
import { createStreamStore } from "../create-store.ts";

const [url = "", id = ""] = process.argv.slice(2);
const store = createStreamStore({
  memory: { kind: "redis", url, heartbeatMs: 50, heartbeatTtlMs: 4_000 },
});
await store.start();
const key = { tenant: "demo", source: "web", stream: Buffer.from(id, "hex") };
const claim = await store.claim({
  key,
  hasProof: true,
  holder: { release: async () => ({ done: 7, sack: [], exc: [] }) },
});
if (claim.kind !== "claimed") throw new Error("not claimed");
claim.lease.changed(() => ({ done: 3, sack: [], exc: [] }));
while (store.stats().pendingSaves > 0) await new Promise((resolve) => setTimeout(resolve, 20));
process.stdout.write("ready\n");
setInterval(() => {}, 1_000);
