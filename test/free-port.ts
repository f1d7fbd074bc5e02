/** Ports for processes that cannot choose one themselves. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

/**
 * A port to come back to. A gateway that chooses one by itself (0) cannot be followed on it while
 * connections of its predecessor linger.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // The address of a listening TCP server.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
