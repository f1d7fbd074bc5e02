/**
 * A well-behaved client beside hostile ones, and the books of its gateway. After each attack its
 * next event is stored, what was stored is counted to the event, and every counter is back where
 * it was. It knows nothing of the attacks.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Gateway } from "./gateway.ts";
import { StreamClient } from "./stream-client.ts";

/** Counters are back by then: longer than any timer of the gateway that a test waits for. */
const QUIET_DEADLINE_MS = 90_000;
/** What a file of attacks may add to the memory of the process: buffers and caches of its size. */
const GROWTH_BYTES_MAX = 300 * 1024 * 1024;

/** A sound event of the pack `behaviour`. */
export function soundEvent(id: string): string {
  return `{"type":"track","data":${soundData(id)}}`;
}

/** Its record. */
export function soundData(id: string): string {
  return `{"messageId":"${id}","timestamp":1,"anonymousId":"a","event":"e"}`;
}

export class Beside {
  readonly #gateway: Gateway;
  readonly #client: StreamClient;
  readonly #residentBytes: number;
  #seq = 0;
  /** How its connection ended; "" while it is open. */
  #ended = "";
  #stored: number;

  private constructor(gateway: Gateway, client: StreamClient, known: Known) {
    this.#gateway = gateway;
    this.#client = client;
    this.#residentBytes = known.residentBytes;
    client.closed.then(
      (closed) => (this.#ended = JSON.stringify(closed)),
      () => {},
    );
    this.#stored = known.stored;
  }

  /** `members`: of its hello, such as its credentials. */
  static async start(gateway: Gateway, members: Readonly<Record<string, unknown>> = {}) {
    const client = await StreamClient.hello(gateway.streamUrl, members);
    const stored = (await gateway.ledger())["stored"] ?? 0;
    const residentBytes = await gateway.metric("process_resident_memory_bytes");
    return new Beside(gateway, client, { stored, residentBytes });
  }

  /**
   * Its next event is acked as stored, attackers have had exactly `stored` events stored since the
   * last call, and none of them holds a connection, an event or a byte.
   */
  async unharmed({ stored = 0 }: { readonly stored?: number } = {}): Promise<void> {
    this.#seq += 1;
    const events = [JSON.parse(soundEvent(`beside-${this.#seq}`)) as object];
    this.#client.send({ t: "pub", seq: this.#seq, events });
    const ack = await this.#client.acked(this.#seq);
    assert.equal(ack["rej"], undefined);
    this.#stored += 1 + stored;
    await this.#quiet(1);
    assert.equal((await this.#gateway.ledger())["stored"], this.#stored, "no more, no less");
  }

  /** Takes what attackers have had stored so far as given: some of what they sent was sound. */
  async settled(): Promise<void> {
    await this.#quiet(1);
    this.#stored = (await this.#gateway.ledger())["stored"] ?? 0;
  }

  /** Leaves; then nothing at all is open, and the memory has not grown beyond its bound. */
  async end(): Promise<void> {
    this.#client.close();
    await this.#client.closed;
    await this.#quiet(0);
    const residentBytes = await this.#gateway.metric("process_resident_memory_bytes");
    const grown = residentBytes - this.#residentBytes;
    assert.ok(grown < GROWTH_BYTES_MAX, `grown by ${grown} bytes`);
  }

  async #quiet(sockets: number): Promise<void> {
    const deadlineMs = Date.now() + QUIET_DEADLINE_MS;
    for (;;) {
      const books = await this.#books();
      const { connections, streams, ...rest } = books;
      const isQuiet = Object.values(rest).every((count) => count === 0);
      if (isQuiet && connections === sockets && streams === sockets) return;
      const ended = this.#ended === "" ? "" : `; the sound client was closed: ${this.#ended}`;
      assert.ok(Date.now() < deadlineMs, `still ${JSON.stringify(books)}${ended}`);
      await delay(20);
    }
  }

  async #books() {
    const gateway = this.#gateway;
    return {
      connections: await openConnections(gateway.port),
      streams: await gateway.metric("sluice_ws_connections"),
      inflight: await gateway.metric("sluice_inflight_events"),
      unacked: await gateway.metric("sluice_unacked_events"),
      unackedBytes: await gateway.metric("sluice_inflight_bytes"),
      drift: await gateway.metric("sluice_ledger_drift_events"),
    };
  }
}

interface Known {
  readonly stored: number;
  readonly residentBytes: number;
}

/** TCP states (include/net/tcp_states.h) in which the process still holds the connection. */
const HELD = new Set(["01", "02", "03", "08"]);

/** Connections to a local port that its listener holds, as the kernel counts them. */
async function openConnections(port: number): Promise<number> {
  const table = await readFile("/proc/net/tcp", "utf8");
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").filter((line) => {
    const [, address = "", , state = ""] = line.trim().split(/\s+/);
    return address.endsWith(local) && HELD.has(state);
  }).length;
}
