/** The load test `reconnect-storm`: see catalog.ts for its load and its objectives. */
import { loadTest } from "./lib/load-test.ts";

export const { options, setup, streams, batches, hostile, teardown, handleSummary } =
  loadTest("reconnect-storm");
