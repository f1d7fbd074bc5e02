/**
 * The long form of row 35. Each client costs this process three sockets, which bounds their number.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { reconnectStorm } from "./stream-rows.ts";

test("row 35: 5000 clients reconnect at once: all resumed, another's acks go on", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  try {
    await reconnectStorm(directory, 5_000);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
