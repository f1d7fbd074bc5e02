/**
 * Mutual exclusion between processes. A lock is a listening socket in Linux' abstract name space:
 * the kernel frees it when its holder dies, however it dies, so that no stale lock can exist. It
 * knows names only, not what they protect.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:net";

const POLL_INTERVAL_MS = 50;

/**
 * Takes the lock if nobody holds it.
 * @param {string} name any text; equal names exclude each other on this machine
 * @returns {Promise<(() => Promise<void>) | undefined>} what frees it; undefined if held
 */
export function tryLock(name) {
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  return new Promise((fulfil, reject) => {
    server.once("error", (error) => {
      if (error.code === "EADDRINUSE") fulfil(undefined);
      else reject(new Error(`the lock ${name} cannot be taken: ${error.message}`));
    });
    server.listen({ path: `\0sluice-lock-${digest}` }, () => {
      server.unref();
      fulfil(() => new Promise((closed) => server.close(() => closed())));
    });
  });
}

/**
 * Runs `work` while holding the lock; waits as long as another process holds it.
 * @param {string} name
 * @param {() => Promise<T>} work
 * @param {{ onWait?: () => void }} options `onWait` is called once if the lock is not free
 * @returns {Promise<T>}
 * @template T
 */
export async function withLock(name, work, { onWait } = {}) {
  let free = await tryLock(name);
  if (free === undefined) onWait?.();
  while (free === undefined) {
    await new Promise((elapsed) => setTimeout(elapsed, POLL_INTERVAL_MS));
    free = await tryLock(name);
  }
  try {
    return await work();
  } finally {
    await free();
  }
}
