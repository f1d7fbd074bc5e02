/**
 * Everything a run needs: three brokers and a Redis of its own, the registry behind a proxy, two
 * gateways each behind a proxy, a watcher of their ledgers and memory.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { writeCorpusPack } from "../e2e/corpus.ts";
import { freePort } from "../free-port.ts";
import { HTTP_DEADLINE_MS } from "../../src/limits/delivery.ts";
import { Gateway } from "../gateway.ts";
import { KafkaProxy } from "../kafka-proxy/kafka-proxy.ts";
import { testService } from "../services.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import type { History } from "./history.ts";
import { EventSupply } from "./events.ts";

const GATEWAYS = 2;
const WATCH_MS = 1_000;

/** A broker that was killed may come back after its session: shorter than the default. */
const KAFKA_SETTINGS = {
  "broker.session.timeout.ms": 3_000,
  "broker.heartbeat.interval.ms": 500,
  // Records say when they were appended: no answer may have been earlier.
  "log.message.timestamp.type": "LogAppendTime",
};

/** One of the two places where a gateway runs, again and again. */
interface Seat {
  readonly dataDir: string;
  readonly link: TcpProxy;
  readonly port: number;
  /** Lives of the seat so far. */
  lives: number;
  gateway: Gateway | null;
}

export interface WorldOptions {
  readonly seed: number;
  readonly history: History;
}

export class World {
  readonly history: History;
  readonly kafka: Instance;
  readonly redis: Instance;
  readonly registryLink: TcpProxy;
  readonly kafkaLink: KafkaProxy;
  readonly topics: readonly string[];
  readonly supply: EventSupply;
  readonly #directory: string;
  readonly #flags: readonly string[];
  readonly #seats: Seat[] = [];
  /** Every gateway that ever lived, by name. */
  readonly #gateways = new Map<string, Gateway>();
  #watcher: NodeJS.Timeout | undefined;

  private constructor(parts: {
    readonly history: History;
    readonly kafka: Instance;
    readonly redis: Instance;
    readonly registryLink: TcpProxy;
    readonly kafkaLink: KafkaProxy;
    readonly topics: readonly string[];
    readonly supply: EventSupply;
    readonly directory: string;
    readonly flags: readonly string[];
  }) {
    this.history = parts.history;
    this.kafka = parts.kafka;
    this.redis = parts.redis;
    this.registryLink = parts.registryLink;
    this.kafkaLink = parts.kafkaLink;
    this.topics = parts.topics;
    this.supply = parts.supply;
    this.#directory = parts.directory;
    this.#flags = parts.flags;
  }

  static async start({ seed, history }: WorldOptions): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), "sluice-oracle-"));
    const [kafka, redis] = await Promise.all([
      startInstance("kafka3", { settings: KAFKA_SETTINGS }),
      startInstance("redis"),
    ]);
    const registry = new URL(testService("registry"));
    const { hostname: host, port } = registry;
    const registryLink = await TcpProxy.start({ host, port: Number(port) });
    const kafkaLink = await KafkaProxy.start({ brokers: kafka.address, seed });
    const pack = await writeCorpusPack(
      join(directory, "pack"),
      `sluice-oracle-${seed}-${Date.now()}`,
    );
    const flags = [
      ["--pack", pack.directory],
      ["--kafka-brokers", kafkaLink.bootstrap],
      ["--redis-url", redis.address],
      ["--registry-url", `http://127.0.0.1:${registryLink.port}${registry.pathname}`],
      ["--create-topics", "--register-schemas", "--dead-letters", "redacted"],
      // As it is by itself: clients are to be told to come again.
      ["--http-deadline-ms", `${HTTP_DEADLINE_MS}`],
    ].flat();
    const world = new World({
      ...{ history, kafka, redis, registryLink, kafkaLink, directory, flags },
      topics: pack.topics,
      supply: await EventSupply.open(pack),
    });
    for (let index = 0; index < GATEWAYS; index += 1) await world.#addSeat(index);
    world.#watcher = setInterval(() => void world.#watch(), WATCH_MS);
    return world;
  }

  async #addSeat(index: number): Promise<void> {
    const dataDir = join(this.#directory, `gateway-${index + 1}`);
    const port = await freePort();
    const gateway = await Gateway.start({ flags: this.#flags, dataDir, port });
    const link = await TcpProxy.start({ host: "127.0.0.1", port });
    this.#seats.push({ dataDir, link, port, lives: 1, gateway });
    this.#gateways.set(`gateway-${index + 1}.1`, gateway);
  }

  /** Where clients connect to. */
  get urls(): string[] {
    return this.#seats.map(({ link }) => `http://127.0.0.1:${link.port}`);
  }

  clientLink(index: number): TcpProxy {
    return this.#seat(index).link;
  }

  #seat(index: number): Seat {
    const seat = this.#seats[index];
    if (seat === undefined) throw new Error(`there is no gateway ${index}`);
    return seat;
  }

  async killGateway(index: number): Promise<void> {
    const seat = this.#seat(index);
    const { gateway } = seat;
    seat.gateway = null;
    gateway?.signal("SIGKILL");
    await gateway?.ended();
  }

  async drainGateway(index: number): Promise<void> {
    const seat = this.#seat(index);
    const { gateway } = seat;
    seat.gateway = null;
    const code = await gateway?.stop();
    this.history.note(`gateway ${index + 1} has drained, exit code ${code}`);
  }

  async startGateway(index: number): Promise<void> {
    const seat = this.#seat(index);
    const { dataDir, port } = seat;
    seat.gateway = await Gateway.start({ flags: this.#flags, dataDir, port, mayWait: true });
    seat.lives += 1;
    this.#gateways.set(`gateway-${index + 1}.${seat.lives}`, seat.gateway);
  }

  /** Ends what faults may have left behind; resolves when every gateway is ready. */
  async heal(deadline: AbortSignal): Promise<void> {
    this.kafkaLink.clear();
    this.registryLink.restore();
    for (const { link } of this.#seats) {
      link.restore();
      link.delayMs = 0;
    }
    for (const seat of this.#seats) {
      while ((await readiness(seat.gateway)) !== 200) {
        deadline.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #watch(): Promise<void> {
    await Promise.all(
      this.#seats.map(async ({ gateway, lives }, index) => {
        if (gateway !== null) await this.#look(gateway, `gateway-${index + 1}.${lives}`, false);
      }),
    );
  }

  /** Looks at a ledger and at memory; gives what is in flight, null if the process is gone. */
  async #look(gateway: Gateway, process: string, isLast: boolean): Promise<number | null> {
    try {
      const bytes = await residentBytes(gateway.run.pid);
      this.history.add({ kind: "memory", process, bytes });
      const { in_flight: inFlight = 0 } = await gateway.ledger();
      this.history.add({ kind: "ledger", process, isBalanced: true, inFlight, isLast });
      return inFlight;
    } catch (error) {
      if (error instanceof Error && error.name === "AssertionError") {
        this.history.note(error.message);
        this.history.add({ kind: "ledger", process, isBalanced: false, inFlight: 0, isLast });
      }
      return null;
    }
  }

  /** Waits until nothing is in flight anywhere, then writes down the last ledgers. */
  async settle(deadline: AbortSignal): Promise<void> {
    for (const [index, { gateway, lives }] of this.#seats.entries()) {
      if (gateway === null) continue;
      while (!deadline.aborted && (await gateway.ledger())["in_flight"] !== 0) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await this.#look(gateway, `gateway-${index + 1}.${lives}`, true);
    }
  }

  /** What all gateways have logged. */
  get logs(): string {
    return [...this.#gateways].map(([name, { output }]) => `${name}\n${output}`).join("\n");
  }

  /** Ends the gateways; the brokers stay, to be read. */
  async stopGateways(): Promise<void> {
    clearInterval(this.#watcher);
    for (const [index, { gateway }] of this.#seats.entries()) {
      if (gateway !== null) await this.drainGateway(index);
    }
  }

  async remove(): Promise<void> {
    clearInterval(this.#watcher);
    for (const seat of this.#seats) {
      seat.gateway?.signal("SIGKILL");
      await seat.gateway?.ended();
      await seat.link.stop();
    }
    await this.kafkaLink.stop();
    await this.registryLink.stop();
    await Promise.all([this.kafka.remove(), this.redis.remove()]);
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function readiness(gateway: Gateway | null): Promise<number> {
  if (gateway === null) return 0;
  return (await fetch(`${gateway.adminUrl}/readyz`)).status;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
