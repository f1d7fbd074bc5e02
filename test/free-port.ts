/** Ports for processes that cannot choose one themselves. */
import { reservePorts } from "../scripts/services/ports.mjs";

/**
 * A port to come back to: of the range that no outgoing connection gets, and kept from other tests
 * as long as this process lives.
 */
export async function freePort(): Promise<number> {
  const { ports } = await reservePorts(["port"]);
  return ports["port"] ?? 0;
}
