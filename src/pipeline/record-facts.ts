/** Facts of the rows that a frame hands over: their events, their topic, their further headers. */
import type { RecordTable } from "../records.ts";
import type { BatchTrace } from "../tracing/tracer.ts";
import type { RouteBook } from "./routes.ts";

type HeaderList = ReadonlyArray<readonly [string, string]>;

interface HeaderSources {
  readonly headersOf?: (event: Uint8Array) => HeaderList;
  readonly trace?: BatchTrace | null;
}

/** The event as it was sent; valid as long as the table is. */
export function eventOf({ memory, eventStart, eventEnd }: RecordTable, row: number): Uint8Array {
  return memory.subarray(eventStart[row], eventEnd[row]);
}

/** What records carry beside the header `sluice`; undefined: nothing. */
export function recordHeaders(
  table: RecordTable,
  { headersOf, trace = null }: HeaderSources,
): ((row: number) => HeaderList) | undefined {
  if (trace === null) return headersOf && ((row) => headersOf(eventOf(table, row)));
  const traced = [["traceparent", trace.traceparent] as const];
  if (headersOf === undefined) return () => traced;
  return (row) => [...headersOf(eventOf(table, row)), ...traced];
}

/** The name of the one topic that records go to; null: they go to several. */
export function onlyTopic(
  topics: readonly number[],
  routes: Pick<RouteBook, "topicName">,
): string | null {
  const [first = -1] = topics.filter((topic) => topic >= 0);
  const isOne = topics.every((topic) => topic < 0 || topic === first);
  return isOne ? routes.topicName(first) : null;
}
