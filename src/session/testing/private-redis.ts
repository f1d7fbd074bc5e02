/**
 * A redis-server of a test's own, which it may pause, starve and kill. Started from the installed
 * binary on a free port, without persistence unless a directory is given; ended by its process id.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

import { Redis } from "ioredis";

import { freePort } from "../../../test/free-port.ts";

/** Looked up in PATH; `npm run services -- up redis` says how to get it. */
const SERVER = "redis-server";

export interface PrivateRedis {
  readonly port: number;
  readonly url: string;
  /** A client for the test itself; closed with the server. */
  readonly admin: Redis;
  kill(): Promise<void>;
}

export async function startPrivateRedis(
  options: { readonly port?: number; readonly settings?: readonly string[] } = {},
): Promise<PrivateRedis> {
  const port = options.port ?? (await freePort());
  const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = spawn(SERVER, [...settings, ...(options.settings ?? [])], {
    stdio: "ignore",
  });
  await until(`redis-server answers on port ${port}`, () => isListening(port));
  const admin = new Redis({ port, lazyConnect: true, retryStrategy: () => null });
  admin.on("error", () => {});
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    admin,
    kill: async () => {
      admin.disconnect();
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
      }
    },
  };
}

/** True when somebody accepts connections, which a server does before it has loaded its data. */
async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Waits until `condition` holds; fails with `what` after `withinMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) {
      throw new Error(`not within ${withinMs} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
