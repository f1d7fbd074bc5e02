/**
 * TCP ports on the loopback address: is one free, and free ones for private servers. Ports for
 * private servers lie below the range the kernel hands to outgoing connections (32768 and up), so
 * that a server that is down for a moment finds its own port free again, and are reserved between
 * processes by a lock each.
 */
import { createServer } from "node:net";

import { tryLock } from "./lock.mjs";

const LOOPBACK = "127.0.0.1";
const PRIVATE_PORT_FIRST = 21_000;
const PRIVATE_PORT_COUNT = 11_000;

/**
 * @returns {Promise<boolean>} whether a server could listen on this port of the loopback address
 */
export function isPortFree(port) {
  return new Promise((answer) => {
    const server = createServer();
    server.once("error", () => answer(false));
    server.listen({ host: LOOPBACK, port }, () => server.close(() => answer(true)));
  });
}

/**
 * @param {Readonly<Record<string, number>>} ports by purpose
 * @returns {Promise<{ purpose: string, port: number }[]>} those somebody else listens on
 */
export async function busyPorts(ports) {
  const checked = await Promise.all(
    Object.entries(ports).map(async ([purpose, port]) => ({
      purpose,
      port,
      isFree: await isPortFree(port),
    })),
  );
  return checked.filter(({ isFree }) => !isFree).map(({ purpose, port }) => ({ purpose, port }));
}

/**
 * Finds a free port for each purpose and holds it against other callers until `free` is called.
 * @param {readonly string[]} purposes
 * @returns {Promise<{ ports: Record<string, number>, free: () => Promise<void> }>}
 */
export async function reservePorts(purposes, random = Math.random) {
  const ports = {};
  const holds = [];
  let candidate = Math.floor(random() * PRIVATE_PORT_COUNT);
  for (const purpose of purposes) {
    let hold;
    for (let tried = 0; hold === undefined; tried += 1) {
      if (tried === PRIVATE_PORT_COUNT)
        throw new Error("no free port is left for a private server");
      candidate = (candidate + 1) % PRIVATE_PORT_COUNT;
      hold = await reservePort(PRIVATE_PORT_FIRST + candidate);
    }
    ports[purpose] = PRIVATE_PORT_FIRST + candidate;
    holds.push(hold);
  }
  const free = async () => {
    for (const hold of holds.splice(0)) await hold();
  };
  return { ports, free };
}

async function reservePort(port) {
  const free = await tryLock(`port ${port}`);
  if (free === undefined) return undefined;
  if (await isPortFree(port)) return free;
  await free();
  return undefined;
}
