/**
 * A Kafka-aware fault proxy for tests: one loopback port per broker, every answer's addresses
 * rewritten so that clients stay behind it, and faults by rule (rules.ts) or for a whole link. What
 * a rule can say and examples: README.md beside this file. PLAINTEXT only.
 */
import { once } from "node:events";
import { connect } from "node:net";

import { addressesIn } from "./addresses.ts";
import type { Address, AddressField } from "./addresses.ts";
import { BrokerPort } from "./broker-port.ts";
import type { LinkState } from "./broker-port.ts";
import { framed, FrameSplitter } from "./frames.ts";
import type { Shape } from "./outlet.ts";
import { API } from "./protocol.ts";
import type { ApiName } from "./protocol.ts";
import { seededRandom } from "./random.ts";
import { ActiveRule, judge } from "./rules.ts";
import type { Facts, Rule } from "./rules.ts";
import { WireWriter } from "./wire.ts";

const METADATA_BYTES_MAX = 16 * 1024 * 1024;
const BROKERS_MAX = 100;

export interface KafkaProxyOptions {
  /** host:port[,host:port]; the first that answers names the others. */
  readonly brokers: string;
  /** Of rules with a probability and of flipped bits. Default 1. */
  readonly seed?: number;
}

export class KafkaProxy implements AsyncDisposable {
  /** By the broker's own host:port. */
  readonly #ports = new Map<string, Promise<BrokerPort>>();
  readonly #listening: BrokerPort[] = [];
  readonly #requests = new Map<number, number>();
  readonly #random: () => number;
  #rules: ActiveRule[] = [];
  /** What should not have come over the wire; a test looks here when it does not understand. */
  readonly complaints: string[] = [];

  private constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** Asks the cluster for its brokers and listens for each. Throws if none answers. */
  static async start({ brokers, seed = 1 }: KafkaProxyOptions): Promise<KafkaProxy> {
    const proxy = new KafkaProxy(seed);
    for (const field of await askForBrokers(brokers)) await proxy.#portOf(field);
    return proxy;
  }

  /** host:port[,host:port] for clients. */
  get bootstrap(): string {
    return this.#listening.map(({ address }) => `${address.host}:${address.port}`).join(",");
  }

  /** Node ids, in the order of `bootstrap`. */
  get nodes(): number[] {
    return this.#listening.map(({ node }) => node);
  }

  /** From now on; earlier rules are asked first. */
  add(rule: Rule): ActiveRule {
    const active = new ActiveRule(rule);
    this.#rules = [...this.#rules.filter((each) => !each.isRemoved), active];
    return active;
  }

  /** No rule, open links without shape. */
  clear(): void {
    for (const rule of this.#rules) rule.remove();
    this.#rules = [];
    this.shape({});
    this.restore();
  }

  /** Resets every connection, now and to come; of one broker or all. */
  cut(node?: number): void {
    this.#setState("cut", node);
  }

  /** Holds everything and closes nothing, as a network that drops all packets. */
  silence(node?: number): void {
    this.#setState("silent", node);
  }

  /** Ends cut() and silence(). */
  restore(node?: number): void {
    this.#setState("open", node);
  }

  /** Resets the connections that are open. */
  reset(node?: number): void {
    for (const port of this.#chosen(node)) port.reset();
  }

  /** Bandwidth and slices of both directions of each connection. */
  shape(shape: Shape, node?: number): void {
    for (const port of this.#chosen(node)) port.shape = shape;
  }

  /** Requests of this API seen so far. */
  requests(api: ApiName): number {
    return this.#requests.get(API[api]) ?? 0;
  }

  /** Connections open now. */
  connections(node?: number): number {
    return this.#chosen(node).reduce((sum, port) => sum + port.open, 0);
  }

  /** Connections accepted so far. */
  accepted(node?: number): number {
    return this.#chosen(node).reduce((sum, port) => sum + port.accepted, 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#listening.map((port) => port.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #chosen(node: number | undefined): BrokerPort[] {
    return this.#listening.filter((port) => node === undefined || port.node === node);
  }

  #setState(state: LinkState, node: number | undefined): void {
    for (const port of this.#chosen(node)) port.setState(state);
  }

  #judge(facts: Facts): ReturnType<typeof judge> {
    this.#requests.set(facts.apiKey, (this.#requests.get(facts.apiKey) ?? 0) + 1);
    return judge(this.#rules, facts, this.#random);
  }

  /** The port for a broker, made when an answer first names it. */
  async #portOf(field: AddressField): Promise<BrokerPort> {
    const { host, port, node } = field;
    const name = `${host}:${port}`;
    let listening = this.#ports.get(name);
    if (listening === undefined) {
      if (this.#ports.size >= BROKERS_MAX) throw new RangeError("too many brokers");
      listening = this.#listen({ host, port }, node);
      this.#ports.set(name, listening);
    }
    const found = await listening;
    found.node = node;
    return found;
  }

  async #listen(target: Address, node: number): Promise<BrokerPort> {
    const port = await BrokerPort.listen({
      target,
      node,
      side: {
        judge: (facts) => this.#judge(facts),
        random: this.#random,
        local: async (field) => (await this.#portOf(field)).address,
        complain: (error) => {
          if (this.complaints.length < 100) this.complaints.push(error.message);
        },
      },
    });
    this.#listening.push(port);
    return port;
  }
}

async function askForBrokers(brokers: string): Promise<AddressField[]> {
  const problems: string[] = [];
  for (const name of brokers.split(",")) {
    const colon = name.lastIndexOf(":");
    try {
      return await askOne({ host: name.slice(0, colon), port: Number(name.slice(colon + 1)) });
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`No broker answers: ${problems.join("; ")}`);
}

/** A Metadata request of version 4 for no topic: old enough for all, not flexible. */
async function askOne({ host, port }: Address): Promise<AddressField[]> {
  const kind = { apiKey: API.Metadata, apiVersion: 4 };
  const request = new WireWriter().int16(kind.apiKey).int16(kind.apiVersion).int32(1);
  request
    .string("kafka-proxy", false)
    .arrayLength(0, false)
    .raw(Buffer.from([0]));
  const socket = connect(port, host);
  try {
    await once(socket, "connect");
    socket.write(framed(request.toBuffer()));
    const splitter = new FrameSplitter(METADATA_BYTES_MAX);
    for await (const chunk of socket) {
      // A socket without an encoding gives buffers.
      const [answer] = splitter.push(chunk as Buffer);
      if (answer !== undefined) return addressesIn(answer, kind);
    }
    throw new Error("closed without an answer");
  } finally {
    socket.destroy();
  }
}
