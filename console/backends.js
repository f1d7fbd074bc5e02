/** What stands behind the process, in words, and what of it is not as it should be. */
import { size, span, time, value } from "./numbers.js";
import { find, make } from "./tables.js";

/** What stands behind the process: words, and how bad they are. */
function backendsOf({ metrics, startedAtMs, atMs }) {
  const up = (series, what) => {
    const is = value(series);
    return is === undefined ? ["–"] : is === 1 ? [what, "good"] : ["away", "bad"];
  };
  const brokers = value(metrics.brokersUp);
  const age = value(metrics.schemaAge);
  const unusable = value(metrics.topicsUnusable) ?? 0;
  const missing = value(metrics.schemasMissing) ?? 0;
  const hot = value(metrics.hotPartition) ?? 0;
  const drift = value(metrics.ledgerDrift) ?? 0;
  return [
    ["Kafka", ...up(metrics.kafkaUp, brokers === undefined ? "there" : `there, ${brokers} up`)],
    ["Round trip to the slowest broker", time(value(metrics.brokerRoundTrip))],
    ["Topics that cannot be used", String(unusable), unusable > 0 ? "bad" : undefined],
    ["Busiest partition, of an even share", hot === 0 ? "–" : `${hot.toFixed(1)} ×`],
    ["Session store", ...up(metrics.redisUp, "there")],
    ["Stream memory", ...up(metrics.streamMemoryUp, "there")],
    ["Schemas confirmed", age === undefined ? "from the pack" : `${span(age * 1_000)} ago`],
    ["Types without a schema", String(missing), missing > 0 ? "bad" : undefined],
    ["Events nobody accounts for", String(drift), drift > 0 ? "bad" : "good"],
    ["Memory", `${size(value(metrics.memory))}, codec ${size(value(metrics.codecMemory))}`],
    ["Up for", span(atMs - startedAtMs)],
  ];
}

export function showBackends(data) {
  const rows = backendsOf(data).map(([what, text, mood]) =>
    make("div", {}, make("dt", {}, what), make("dd", { "data-mood": mood }, text)),
  );
  find("backends").replaceChildren(...rows);
}

/** What nobody should have to look for: a sentence for each thing that is bad. */
export function troublesOf(data) {
  return backendsOf(data)
    .filter(([, , mood]) => mood === "bad")
    .map(([what, text]) => `${what}: ${text}`);
}
