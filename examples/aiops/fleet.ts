/**
 * A simulated fleet of radio towers. Each tower has a connection of its own, by the client that
 * ships with sluice, and sends metrics, logs and its state. Some have bad links that break every
 * few seconds; now and then one gets too hot, loses signal or power. It counts what it sent and
 * what it was told of it.
 */
import { randomUUID } from "node:crypto";

import { createClient } from "../../src/client/node.ts";
import type { Client, Outcome, SocketConstructor } from "../../src/client/node.ts";

export interface FleetOptions {
  /** Of the gateways, through the balancer. */
  readonly url: string;
  readonly tenants: readonly { readonly name: string; readonly key: string }[];
  readonly towersPerTenant: number;
  readonly sampleMs: number;
}

const SITES = ["North ridge", "Harbour", "Old town", "Airport", "Stadium", "Valley", "Dam", "Pass"];
const TROUBLES = ["heat", "signal", "power"] as const;
type Trouble = (typeof TROUBLES)[number];

/** A tower on a bad link may wait half a minute before it tries again. */
const SETTLE_MS = 60_000;

/** How many samples a trouble lasts. */
const TROUBLE_SAMPLES = 14;

export class Fleet {
  readonly #towers: Tower[] = [];
  readonly #sampleMs: number;
  readonly #timers: NodeJS.Timeout[] = [];
  /** Of all events: the tenant, by id. */
  readonly ids = new Map<string, string>();
  readonly outcomes = new Map<string, number>();
  /** Times that a bad link broke. */
  breaks = 0;

  constructor({ url, tenants, towersPerTenant, sampleMs }: FleetOptions) {
    this.#sampleMs = sampleMs;
    for (const { name, key } of tenants) {
      for (let number = 1; number <= towersPerTenant; number += 1) {
        // Every fourth link is bad.
        const isFlapping = number % 4 === 2;
        const WebSocket = isFlapping ? this.#badLink() : undefined;
        const client = createClient({
          url,
          writeKey: key,
          // There is no better one for HTTP.
          ...(WebSocket === undefined ? {} : { WebSocket, fallback: WebSocket }),
        });
        client.on("outcome", (outcome) => this.#settled(outcome));
        const track: TowerParts["track"] = (type, data) => {
          this.ids.set(client.track(type, data, { id: data.eventId }).id, name);
        };
        const site = SITES[(number - 1) % SITES.length] ?? "";
        const id = `tower-${String(number).padStart(2, "0")}`;
        this.#towers.push(new Tower({ tenant: name, id, site, isFlapping, client, track }));
      }
    }
  }

  /** A WebSocket whose network goes away every few seconds. */
  #badLink(): SocketConstructor {
    const broken = (): void => {
      this.breaks += 1;
    };
    return class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        const timer = setTimeout(
          () => {
            broken();
            this.close();
          },
          5_000 + Math.random() * 10_000,
        );
        this.addEventListener("close", () => clearTimeout(timer));
      }
    };
  }

  #settled({ outcome }: Outcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  get size(): number {
    return this.#towers.length;
  }

  /** Towers that are connected now. */
  get open(): number {
    return this.#towers.filter(({ client }) => client.state === "open").length;
  }

  start(): void {
    for (const [index, tower] of this.#towers.entries()) {
      tower.begin();
      const offsetMs = (index * this.#sampleMs) / this.#towers.length;
      const start = setTimeout(() => {
        this.#timers.push(setInterval(() => tower.sample(), this.#sampleMs));
      }, offsetMs);
      this.#timers.push(start);
    }
    // Something is always wrong somewhere: in one tenant after the other.
    let turn = 0;
    const trouble = (): void => {
      const towers = this.#towers.filter(({ isTroubled }) => !isTroubled);
      const tower = towers[(turn * 7) % Math.max(1, towers.length)];
      // Not always the same one for the same tenant.
      const kind = turn + Math.floor(turn / TROUBLES.length);
      tower?.trouble(TROUBLES[kind % TROUBLES.length] ?? "heat");
      turn += 1;
    };
    trouble();
    this.#timers.push(setInterval(trouble, this.#sampleMs * 9));
  }

  /** Sends nothing new, and waits until every event has its outcome. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#towers.map(({ client }) => client.flush(SETTLE_MS)));
    await Promise.all(this.#towers.map(({ client }) => client.close(5_000)));
  }
}

type EventData = Readonly<Record<string, unknown>> & { readonly eventId: string };

interface TowerParts {
  readonly tenant: string;
  readonly id: string;
  readonly site: string;
  readonly isFlapping: boolean;
  readonly client: Client;
  readonly track: (type: string, data: EventData) => void;
}

class Tower {
  readonly tenant: string;
  readonly id: string;
  readonly client: Client;
  readonly #parts: TowerParts;
  #temperature = 35 + Math.random() * 10;
  #signal = -70 - Math.random() * 10;
  #battery = 0.95;
  #trouble: Trouble | null = null;
  #troubleLeft = 0;
  #samples = 0;

  constructor(parts: TowerParts) {
    this.#parts = parts;
    this.tenant = parts.tenant;
    this.id = parts.id;
    this.client = parts.client;
  }

  get isTroubled(): boolean {
    return this.#trouble !== null;
  }

  begin(): void {
    this.#state("ONLINE", null);
    this.#log("INFO", this.#parts.isFlapping ? "started on a bad link" : "started");
  }

  trouble(kind: Trouble): void {
    this.#trouble = kind;
    this.#troubleLeft = TROUBLE_SAMPLES;
    this.#log("WARN", `something is wrong: ${kind}`);
    this.#state("DEGRADED", "ONLINE");
  }

  sample(): void {
    this.#samples += 1;
    this.#drift();
    this.#metric("cabinet.temperature", "Cel", this.#temperature);
    this.#metric("radio.signal", "dB[mW]", this.#signal);
    if (this.#samples % 2 === 0) this.#metric("power.battery", "1", this.#battery);
    if (this.#samples % 20 === 0) this.#state(this.isTroubled ? "DEGRADED" : "ONLINE", null);
  }

  #drift(): void {
    const noise = (Math.random() - 0.5) * 2;
    const toward = (value: number, goal: number, step: number): number =>
      value + (goal - value) * step;
    const heat = this.#trouble === "heat" ? 88 : 42;
    const signal = this.#trouble === "signal" ? -118 : -74;
    const battery = this.#trouble === "power" ? 0.1 : 0.95;
    this.#temperature = toward(this.#temperature, heat, 0.3) + noise;
    this.#signal = toward(this.#signal, signal, 0.35) + noise;
    this.#battery = Math.min(1, Math.max(0.05, toward(this.#battery, battery, 0.3)));
    if (this.#trouble === null) return;
    this.#troubleLeft -= 1;
    if (this.#troubleLeft > 0) return;
    this.#log("INFO", `all is well again: ${this.#trouble}`);
    this.#trouble = null;
    this.#state("ONLINE", "DEGRADED");
  }

  #common() {
    const { tenant, id } = this.#parts;
    return { eventId: randomUUID(), tenantId: tenant, deviceId: id };
  }

  #metric(name: string, unit: string, value: number): void {
    const timestamp = new Date().toISOString();
    this.#parts.track("metric", { ...this.#common(), timestamp, name, unit, value });
  }

  #log(severity: string, body: string): void {
    const timestamp = new Date().toISOString();
    this.#parts.track("log", { ...this.#common(), timestamp, severity, body });
  }

  #state(status: string, previousStatus: string | null): void {
    const { site } = this.#parts;
    const state = { status, previousStatus, site, model: "RT-9", firmware: "2.4.1" };
    this.#parts.track("device_state", { ...this.#common(), timestamp: Date.now(), ...state });
  }
}
