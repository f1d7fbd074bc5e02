/**
 * Reads what librdkafka says of itself (STATISTICS.md) as far as delivery acts on it: up to which
 * record of each partition an idempotent producer has been confirmed.
 */
import type { ProducerProgress } from "./progress.ts";

interface Statistics {
  readonly topics: Readonly<
    Record<
      string,
      { readonly partitions: Readonly<Record<string, { readonly acked_msgid?: number }>> }
    >
  >;
}

/** `text`: one statistics event of a producer. */
export function parseProgress(text: string): ProducerProgress {
  // librdkafka's own text; what is missing in it counts as not confirmed.
  const { topics } = JSON.parse(text) as Partial<Statistics>;
  return {
    confirmed: (topic, partition) => topics?.[topic]?.partitions[partition]?.acked_msgid ?? 0,
  };
}
