/** The metrics about the Kafka client itself, from librdkafka's statistics. */
import { each, type MetricDeclaration } from "./declaration.ts";
import { BROKER_TROUBLES, KAFKA_WAITS } from "./label-sets.ts";

export const PRODUCER_METRICS = {
  producerQueueRecords: {
    name: "sluice_kafka_queue_records",
    type: "gauge",
    help: "Records in the queues of the Kafka client.",
  },
  producerQueueBytes: {
    name: "sluice_kafka_queue_bytes",
    type: "gauge",
    help: "Bytes in the queues of the Kafka client.",
  },
  producerQueueFill: {
    name: "sluice_kafka_queue_fill_ratio",
    type: "gauge",
    help: "The fullest queue of the Kafka client, over what it holds at most.",
    aggregator: "max",
  },
  producersWaiting: {
    name: "sluice_kafka_producers_unassigned",
    type: "gauge",
    help: "Producers that have no number from Kafka (idempotence), and so send nothing.",
  },
  brokersUp: {
    name: "sluice_kafka_brokers_up",
    type: "gauge",
    help: "Brokers the producer that sees fewest of them is connected to.",
    aggregator: "min",
  },
  brokerRequests: {
    name: "sluice_kafka_requests_waiting",
    type: "gauge",
    help: "Requests that wait to be sent to brokers, or for their answer.",
  },
  brokerRoundTrip: {
    name: "sluice_kafka_round_trip_seconds",
    type: "gauge",
    help: "Round trips to the slowest broker, 99th percentile of the last statistics.",
    aggregator: "max",
  },
  producerWait: {
    name: "sluice_kafka_queue_wait_seconds",
    type: "gauge",
    help:
      "Longest waits in the Kafka client, 99th percentile of the last statistics: records until " +
      "they are in a request, requests until they are sent.",
    labels: ["what"],
    series: each(KAFKA_WAITS),
    aggregator: "max",
  },
  brokerThrottle: {
    name: "sluice_kafka_throttle_seconds",
    type: "gauge",
    help: "The longest time that a broker has asked to wait for, in the last half minute.",
    aggregator: "max",
  },
  brokerTroubles: {
    name: "sluice_kafka_broker_troubles_total",
    type: "counter",
    help: "What the Kafka client had to do again or over: retries, timeouts, errors, connections.",
    labels: ["kind"],
    series: each(BROKER_TROUBLES),
  },
  hotPartition: {
    name: "sluice_kafka_hot_partition_ratio",
    type: "gauge",
    help: "Records of the busiest partition, times an even share of its topic, in the last 10 s.",
    aggregator: "max",
  },
} as const satisfies Record<string, MetricDeclaration>;
