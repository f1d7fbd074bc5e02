/**
 * How many connections each of several workers should ask to reconnect. The kernel spreads new
 * connections evenly but never moves an open one: after a worker died or was replaced the others
 * have too many. Pure.
 */

/** A worker may have so many more WebSockets than its share, by number and by ratio. */
const SLACK_CONNECTIONS = 32;
const SLACK_RATIO = 0.2;

/** By number of the worker; those that should send nobody away are left out. */
export function surplusConnections(
  connections: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  const total = [...connections.values()].reduce((sum, count) => sum + count, 0);
  const fair = total / Math.max(1, connections.size);
  const slack = Math.max(SLACK_CONNECTIONS, fair * SLACK_RATIO);
  const over = [...connections].filter(([, count]) => count > fair + slack);
  return new Map(over.map(([worker, count]) => [worker, Math.floor(count - fair)]));
}
