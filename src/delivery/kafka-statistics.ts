/**
 * Reads what librdkafka says of itself (STATISTICS.md): up to which record of each partition an
 * idempotent producer has been confirmed, which delivery acts on; and how its queues and brokers
 * are, which an operator wants to see. What is missing in the text counts as nothing.
 */
import type { ProducerProgress } from "./progress.ts";

interface Partition {
  readonly acked_msgid?: number;
  readonly txmsgs?: number;
}

interface Broker {
  readonly source?: string;
  readonly nodeid?: number;
  readonly state?: string;
  readonly outbuf_cnt?: number;
  readonly waitresp_cnt?: number;
  readonly txerrs?: number;
  readonly txretries?: number;
  readonly req_timeouts?: number;
  readonly connects?: number;
  /** Microseconds, as all of librdkafka's windows. */
  readonly int_latency?: { readonly p99?: number };
  readonly outbuf_latency?: { readonly p99?: number };
  readonly rtt?: { readonly p99?: number };
}

interface Statistics {
  readonly msg_cnt?: number;
  readonly msg_max?: number;
  readonly msg_size?: number;
  readonly brokers?: Readonly<Record<string, Broker>>;
  readonly topics?: Readonly<
    Record<string, { readonly partitions: Readonly<Record<string, Partition>> }>
  >;
  readonly eos?: { readonly idemp_state?: string };
}

/** How one producer is; counts run from its start. */
export interface ProducerStatistics {
  /** Records and bytes in its queues, and how many records these hold at most. */
  readonly records: number;
  readonly recordsMax: number;
  readonly bytes: number;
  /** It has its number from Kafka, without which it sends nothing. */
  readonly isIdempotent: boolean;
  readonly brokersUp: number;
  readonly brokersKnown: number;
  /** Requests that wait to be sent, or for their answer. */
  readonly requests: number;
  /** The slowest broker. */
  readonly roundTripP99Ms: number;
  /** Records until they are in a request, and requests until they are sent; likewise. */
  readonly recordWaitP99Ms: number;
  readonly requestWaitP99Ms: number;
  /** The longest that a broker has asked to wait for lately. */
  readonly throttleMsMax: number;
  readonly retries: number;
  readonly timeouts: number;
  readonly errors: number;
  readonly connects: number;
  /** Records sent, by topic and partition. */
  readonly sent: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly records: number;
  }[];
}

/** `text`: one statistics event of a producer. */
export function parseProgress(text: string): ProducerProgress {
  const { topics } = read(text);
  return {
    confirmed: (topic, partition) => topics?.[topic]?.partitions[partition]?.acked_msgid ?? 0,
  };
}

/** What stands behind the topics, which grow, is shorter than this. */
const TAIL_CHARACTERS = 2_000;

/** How many numbers the producer has had from Kafka; without reading all of the text. */
export function numbersTaken(text: string): number {
  return Number(/"epoch_cnt":\s*(\d+)/.exec(text.slice(-TAIL_CHARACTERS))?.[1] ?? 0);
}

/** The same text, for people; without throttling, of which it tells only as it happens. */
export function parseStatistics(text: string): Omit<ProducerStatistics, "throttleMsMax"> {
  const { msg_cnt = 0, msg_max = 0, msg_size = 0, brokers = {}, topics = {}, eos } = read(text);
  const known = Object.values(brokers).filter(({ nodeid = -1 }) => nodeid >= 0);
  const total = (of: (broker: Broker) => number | undefined): number =>
    known.reduce((sum, broker) => sum + (of(broker) ?? 0), 0);
  const most = (of: (broker: Broker) => number | undefined): number =>
    known.reduce((max, broker) => Math.max(max, of(broker) ?? 0), 0);
  return {
    records: msg_cnt,
    recordsMax: msg_max,
    bytes: msg_size,
    isIdempotent: eos?.idemp_state === "Assigned",
    brokersUp: known.filter(({ state }) => state === "UP").length,
    brokersKnown: known.length,
    requests: total(({ outbuf_cnt = 0, waitresp_cnt = 0 }) => outbuf_cnt + waitresp_cnt),
    roundTripP99Ms: most(({ rtt }) => rtt?.p99) / 1_000,
    recordWaitP99Ms: most(({ int_latency }) => int_latency?.p99) / 1_000,
    requestWaitP99Ms: most(({ outbuf_latency }) => outbuf_latency?.p99) / 1_000,
    retries: total(({ txretries }) => txretries),
    timeouts: total(({ req_timeouts }) => req_timeouts),
    errors: total(({ txerrs }) => txerrs),
    connects: total(({ connects }) => connects),
    sent: sentBy(topics),
  };
}

function sentBy(topics: NonNullable<Statistics["topics"]>): ProducerStatistics["sent"] {
  return Object.entries(topics).flatMap(([topic, { partitions }]) =>
    Object.entries(partitions)
      // −1 is librdkafka's own, for records whose partition is not known yet.
      .filter(([partition]) => Number(partition) >= 0)
      .map(([partition, { txmsgs = 0 }]) => ({
        topic,
        partition: Number(partition),
        records: txmsgs,
      })),
  );
}

/** librdkafka's own text. */
function read(text: string): Statistics {
  return JSON.parse(text) as Statistics;
}
