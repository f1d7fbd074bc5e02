/** The load test `smoke`: see catalog.ts for its load and its objectives. */
import { loadTest } from "./lib/load-test.ts";

export const { options, setup, streams, batches, hostile, teardown, handleSummary } =
  loadTest("smoke");
