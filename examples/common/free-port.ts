/** TCP ports of this machine that nobody listens on. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { ServiceProblem } from "../../scripts/services/problem.mjs";

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  // An address of TCP.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Throws a ServiceProblem when the port of a page is taken; 0 never is. */
export async function requireFree(port: number): Promise<void> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    throw new ServiceProblem(`port ${port} is taken: choose another one with --port N`);
  }
  server.close();
  await once(server, "close");
}
