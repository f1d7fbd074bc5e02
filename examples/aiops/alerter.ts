/**
 * The consumer that raises alerts: it reads the metrics of all tenants from Kafka as any consumer
 * does, drops doubles by the header sluice has put beside each record, asks the rules, and sends
 * what they say back through the gateways, as events of the tenant they are about.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import kafka from "@confluentinc/kafka-javascript";
import type { KafkaConsumer, LibrdKafkaError, Message } from "@confluentinc/kafka-javascript";

import { createClient } from "../../src/client/node.ts";
import type { Client } from "../../src/client/node.ts";
import { Deduplicator } from "../../src/consumer/deduplicator.ts";
import { RegistryClient } from "../../src/schema/registry.ts";
import { ValueDecoder } from "../../src/schema/value-decoder.ts";
import { AlertRules } from "./rules.ts";
import type { ServerAddresses } from "./system.ts";

/** Records it asks for at a time, and how long it waits for the first. */
const RECORDS = 100;
const WAIT_MS = 100;

/** How long it may take to get its part of the topic. */
const ASSIGN_MS = 60_000;

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
  #reading: Promise<void> = Promise.resolve();
  #isStopping = false;

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

  /**
   * Resolves when its part of the topic has been given to it. Rejects when Kafka does not answer or
   * the group gives it nothing within a minute.
   */
  async start(): Promise<void> {
    const consumer = this.#consumer;
    consumer.on("event.error", () => {});
    consumer.setDefaultConsumeTimeout(WAIT_MS);
    await new Promise<void>((resolve, reject) => {
      consumer.connect({}, (error) => {
        // The types promise an error always; null is what comes when all is well.
        const failure: { message: string } | null | undefined = error;
        if (failure === null || failure === undefined) resolve();
        else reject(new Error(`Kafka is not reachable: ${failure.message}`));
      });
    });
    consumer.subscribe([this.#topic]);
    this.#reading = this.#read();
    const deadline = Date.now() + ASSIGN_MS;
    while (consumer.assignments().length === 0) {
      if (Date.now() > deadline) throw new Error("Kafka gave the alerter nothing to read");
      await delay(100);
    }
  }

  /** One record after the other, in their order. */
  async #read(): Promise<void> {
    while (!this.#isStopping) {
      for (const message of await this.#poll()) await this.#take(message);
    }
  }

  /** What has come; nothing if it waited for long. */
  #poll(): Promise<readonly Message[]> {
    return new Promise((resolve) => {
      this.#consumer.consume(RECORDS, (error: LibrdKafkaError | null, messages) => {
        // Outages pass; the group goes on where it was.
        resolve(error ? [] : messages);
      });
    });
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
    this.#isStopping = true;
    await this.#reading;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, LEAVE_MS).unref();
    this.#consumer.disconnect(() => resolve());
    await promise;
    await Promise.all([...this.#clients.values()].map((client) => client.flush(20_000)));
    await Promise.all([...this.#clients.values()].map((client) => client.close(5_000)));
    this.#registry.close();
  }
}
