/** The parts of the example put together, and what they come to in the end. */
import { Alerter } from "./alerter.ts";
import { audit, marksOf } from "./audit.ts";
import type { Marks, Tally } from "./audit.ts";
import { Fleet } from "./fleet.ts";
import { History } from "./history.ts";
import type { StoredTally } from "./history.ts";
import { PageServer } from "./page-server.ts";
import { System, TENANTS } from "./system.ts";
import type { ServerAddresses, Tenant } from "./system.ts";

export interface ExampleOptions {
  readonly servers: ServerAddresses;
  readonly topicPrefix: string;
  readonly towersPerTenant: number;
  readonly sampleMs: number;
  /** Of the page; 0: any free one. */
  readonly port: number;
  /** How long a gateway that has died is away. */
  readonly restartMs: number;
  readonly say: (sentence: string) => void;
}

export class Example {
  readonly system: System;
  readonly fleet: Fleet;
  readonly alerter: Alerter;
  readonly page: PageServer;
  readonly #history: History;
  readonly #options: ExampleOptions;
  readonly #marks: Marks;
  #settled: Promise<void> | null = null;

  private constructor(parts: {
    readonly system: System;
    readonly fleet: Fleet;
    readonly alerter: Alerter;
    readonly page: PageServer;
    readonly history: History;
    readonly options: ExampleOptions;
    readonly marks: Marks;
  }) {
    this.system = parts.system;
    this.fleet = parts.fleet;
    this.alerter = parts.alerter;
    this.page = parts.page;
    this.#history = parts.history;
    this.#options = parts.options;
    this.#marks = parts.marks;
  }

  /** Ends what it has started if a part does not start. */
  static async start(options: ExampleOptions): Promise<Example> {
    const system = await System.start(options);
    const history = new History(options.servers.postgres, system.databaseSchema);
    try {
      return await Example.#on(system, history, options);
    } catch (error) {
      await history.end();
      await system.stop();
      throw error;
    }
  }

  static async #on(system: System, history: History, options: ExampleOptions): Promise<Example> {
    const { servers, say, towersPerTenant, sampleMs, port } = options;
    const { url, topics } = system;
    const keysOf = (use: "fleet" | "alerts") =>
      TENANTS.map((name) => ({ name, key: system.keys.get(name)?.[use] ?? "" }));
    const marks = await marksOf(servers.kafka, Object.values(topics));
    const operatorKey = (tenant: Tenant): string => system.keys.get(tenant)?.operators ?? "";
    const page = await PageServer.start({ port, gatewayUrl: url, operatorKey, history });
    say("starting the consumer that raises alerts");
    const alerter = new Alerter({
      servers,
      topic: topics.metrics,
      url,
      tenants: keysOf("alerts"),
    });
    try {
      await alerter.start();
    } catch (error) {
      await alerter.stop();
      await page.stop();
      throw error;
    }
    const fleet = new Fleet({ url, tenants: keysOf("fleet"), towersPerTenant, sampleMs });
    say(`starting ${fleet.size} towers of ${TENANTS.length} tenants`);
    fleet.start();
    return new Example({ system, fleet, alerter, page, history, options, marks });
  }

  /** Nothing new is sent; every event and every alert has its outcome. */
  settle(): Promise<void> {
    this.#settled ??= this.fleet.stop().then(() => this.alerter.stop());
    return this.#settled;
  }

  /** Of all that was sent: the tenant, by id. */
  get ids(): ReadonlyMap<string, string> {
    return new Map([...this.fleet.ids, ...this.alerter.ids]);
  }

  /** What Kafka has of it. */
  async audit(): Promise<Tally> {
    return audit(this.#options.servers.kafka, { marks: this.#marks, ids: this.ids });
  }

  /** What PostgreSQL has of it. */
  async stored(): Promise<StoredTally> {
    return this.#history.stored(this.ids);
  }

  /** It settles first, if it has not. */
  async stop(): Promise<void> {
    await this.settle();
    await this.page.stop();
    await this.#history.end();
    await this.system.stop();
  }
}
