/**
 * The consumer that raises alerts: it reads the metrics of all tenants from Kafka as any consumer
 * does, drops doubles by the header sluice has put beside each record, asks the rules, and sends
 * what they say back through the gateways, as events of the tenant they are about.
 */
import { randomUUID } from "node:crypto";

import kafka from "@confluentinc/kafka-javascript";
import type { KafkaConsumer, Message } from "@confluentinc/kafka-javascript";

import { createClient } from "../../src/client/node.ts";
import type { Client } from "../../src/client/node.ts";
import { Deduplicator } from "../../src/consumer/deduplicator.ts";
import { RegistryClient } from "../../src/schema/registry.ts";
import { ValueDecoder } from "../../src/schema/value-decoder.ts";
import { AlertRules } from "./rules.ts";
import type { ServerAddresses } from "./system.ts";

/** How long it may take to leave its group. A client that has not left by then hinders the end. */
const LEAVE_MS = 30_000;

export interface AlerterOptions {
  readonly servers: ServerAddresses;
  readonly topic: string;
  readonly url: string;
  readonly tenants: readonly { readonly name: string; readonly key: string }[];
}

/** The data of an event of type `metric`, as far as the rules need it. */
interface Metric {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly name: string;
  readonly value: number;
  /** Microseconds since 1970. */
  readonly timestamp: number;
}

export class Alerter {
  readonly #consumer: KafkaConsumer;
  readonly #decoder: ValueDecoder;
  readonly #registry: RegistryClient;
  readonly #deduplicator = new Deduplicator();
  readonly #rules = new AlertRules();
  readonly #clients: ReadonlyMap<string, Client>;
  readonly #topic: string;
  /** Of the alerts it has raised: the tenant, by id. */
  readonly ids = new Map<string, string>();
  #work: Promise<void> = Promise.resolve();

  constructor(options: AlerterOptions) {
    this.#topic = options.topic;
    this.#registry = new RegistryClient({ urls: [options.servers.registry], timeoutMs: 3_000 });
    this.#decoder = new ValueDecoder(this.#registry);
    this.#clients = new Map(
      options.tenants.map(({ name, key }) => {
        return [name, createClient({ url: options.url, writeKey: key })] as const;
      }),
    );
    this.#consumer = new kafka.KafkaConsumer(
      {
        "bootstrap.servers": options.servers.kafka,
        "group.id": `aiops-alerter-${randomUUID()}`,
        "client.id": "aiops-alerter",
        log_level: 0,
      },
      { "auto.offset.reset": "latest" },
    );
  }

  get firing(): number {
    return this.#rules.firing;
  }

  /** Resolves when its part of the topic has been given to it. */
  async start(): Promise<void> {
    const consumer = this.#consumer;
    consumer.on("event.error", () => {});
    consumer.on("data", (message) => {
      // One after the other, in the order of the records.
      this.#work = this.#work.then(() => this.#take(message));
    });
    await new Promise<void>((resolve, reject) => {
      consumer.connect({}, (error) => {
        // The types promise an error always; null is what comes when all is well.
        const failure: { message: string } | null | undefined = error;
        if (failure === null || failure === undefined) resolve();
        else reject(new Error(`Kafka is not reachable: ${failure.message}`));
      });
    });
    consumer.subscribe([this.#topic]);
    consumer.consume();
    const deadline = Date.now() + 30_000;
    while (consumer.assignments().length === 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #take(message: Message): Promise<void> {
    const { topic, partition, headers } = message;
    const { verdict, header } = this.#deduplicator.decide({ topic, partition, headers });
    if (verdict === "duplicate") return;
    const value = await this.#decoder.decode(message.value);
    if (header === null || header.type !== "metric" || value.kind !== "avro") return;
    // By the schema of its type.
    const metric = JSON.parse(value.json) as Metric;
    const { deviceId: tower, name, value: measured } = metric;
    const tenant = header.tenant ?? "";
    const atMs = Math.floor(metric.timestamp / 1_000);
    const alert = this.#rules.take({ tenant, tower, metric: name, value: measured, atMs });
    if (alert === null) return;
    this.ids.set(alert.eventId, tenant);
    this.#clients.get(tenant)?.track("alert", alert, { id: alert.eventId });
  }

  /** Reads nothing new, and waits until every alert has its outcome. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, LEAVE_MS).unref();
    this.#consumer.disconnect(() => resolve());
    await promise;
    await this.#work;
    await Promise.all([...this.#clients.values()].map((client) => client.flush(20_000)));
    await Promise.all([...this.#clients.values()].map((client) => client.close(5_000)));
    this.#registry.close();
  }
}
