/**
 * One client connection through the fault proxy, and the one to the broker behind it. Requests are
 * judged by the rules as they pass; answers go back in the order of their requests, as from a
 * broker.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";

import {
  addressesIn,
  capVersions,
  namesAddresses,
  replaceAddresses,
  withoutBrokers,
} from "./addresses.ts";
import type { Address, AddressField } from "./addresses.ts";
import { framed, FrameSplitter } from "./frames.ts";
import { Outlet } from "./outlet.ts";
import type { Shape } from "./outlet.ts";
import { produceAnswer, readProduce } from "./produce.ts";
import type { ProduceRequest } from "./produce.ts";
import { API, readRequestHeader } from "./protocol.ts";
import type { RequestHeader } from "./protocol.ts";
import { errorCode } from "./rules.ts";
import type { Facts, Fault } from "./rules.ts";
import { WireReader } from "./wire.ts";

/** Brokers take requests of up to 100 MiB by default; nobody here comes near. */
const REQUEST_BYTES_MAX = 32 * 1024 * 1024;
const ANSWER_BYTES_MAX = 128 * 1024 * 1024;
/** Unanswered requests; a client keeps a handful. */
const EXCHANGES_MAX = 10_000;
/** Where the checksum of a record batch begins to cover it. */
const CHECKED_FROM_BYTES = 21;

/** What a connection asks of the proxy. */
export interface ProxySide {
  judge(facts: Facts): {
    readonly fault: Fault | null;
    readonly requestDelayMs: number;
    readonly answerDelayMs: number;
  };
  /** Node id of the broker behind. */
  node(): number;
  shape(): Shape;
  random(): number;
  /** The proxy's own address for a broker's. */
  local(field: AddressField): Promise<Address>;
  /** Something that should not come over the wire came. */
  complain(error: Error): void;
}

/** A request on its way to its answer. */
interface Exchange {
  readonly header: RequestHeader;
  readonly fault: Fault | null;
  readonly answerDelayMs: number;
  readonly produce: ProduceRequest | null;
  /** Ready to go back. */
  answer: Buffer | null;
}

export class ProxyConnection {
  readonly #client: Socket;
  readonly #broker: Socket;
  readonly #side: ProxySide;
  readonly #toBroker: Outlet;
  readonly #toClient: Outlet;
  readonly #requests = new FrameSplitter(REQUEST_BYTES_MAX);
  readonly #answers = new FrameSplitter(ANSWER_BYTES_MAX);
  /** In the order of the requests. */
  readonly #exchanges: Exchange[] = [];
  #isSilent = false;
  /** A request or an answer was swallowed: what is held may never pass, as it would leave a gap. */
  #hasGap = false;
  #stalled: NodeJS.Timeout | undefined;

  constructor(client: Socket, target: Address, side: ProxySide) {
    this.#client = client;
    this.#side = side;
    this.#broker = connect(target.port, target.host);
    const shape = () => side.shape();
    const onRoom = () => this.#flow();
    this.#toBroker = new Outlet(this.#broker, { shape, onRoom });
    this.#toClient = new Outlet(client, { shape, onRoom });
    for (const socket of [client, this.#broker]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.destroy());
      socket.on("close", () => this.destroy());
    }
    client.on("data", (chunk: Buffer) =>
      this.#guard(() => {
        for (const frame of this.#requests.push(chunk)) this.#onRequest(frame);
      }),
    );
    this.#broker.on("data", (chunk: Buffer) =>
      this.#guard(() => {
        for (const frame of this.#answers.push(chunk)) this.#onAnswer(frame);
      }),
    );
  }

  /** Closes both sides in an orderly way. */
  destroy(): void {
    clearTimeout(this.#stalled);
    this.#client.destroy();
    this.#broker.destroy();
  }

  /** The client sees a reset. */
  reset(): void {
    clearTimeout(this.#stalled);
    this.#client.resetAndDestroy();
    this.#broker.destroy();
  }

  /**
   * Nothing passes while it is silent; what came meanwhile passes afterwards, as over TCP. A
   * connection that has lost something is reset instead.
   */
  setSilent(isSilent: boolean): void {
    if (this.#hasGap && !isSilent) return this.reset();
    this.#isSilent = isSilent;
    this.#toBroker.setSilent(isSilent);
    this.#toClient.setSilent(isSilent);
    this.#flow();
  }

  /** Nothing passes any more; resets after so long, if ever. */
  #stall(ms?: number): void {
    this.#hasGap = true;
    this.setSilent(true);
    if (ms !== undefined) this.#stalled ??= setTimeout(() => this.reset(), ms);
  }

  #onRequest(frame: Buffer): void {
    // What came in the same piece as the request that was lost.
    if (this.#hasGap) return;
    const reader = new WireReader(frame);
    const header = readRequestHeader(reader);
    const { apiKey, apiVersion, clientId } = header;
    const produce = apiKey === API.Produce ? readProduce(reader, apiVersion) : null;
    const parts = produce?.parts ?? [];
    const verdict = this.#side.judge({ apiKey, broker: this.#side.node(), clientId, parts });
    const { fault, requestDelayMs, answerDelayMs } = verdict;
    if (fault?.kind === "reset" && fault.when === "before") return this.reset();
    if (fault?.kind === "blackHole") return this.#stall();
    if (fault?.kind === "stall" && fault.what === "request") return this.#stall(fault.ms);
    if (fault?.kind === "drop" && fault.what === "request") return;
    const exchange: Exchange = { header, fault, answerDelayMs, produce, answer: null };
    const hasAnswer = produce?.acks !== 0;
    if (hasAnswer && !(fault?.kind === "drop")) {
      if (this.#exchanges.length >= EXCHANGES_MAX) throw new RangeError("too many open requests");
      this.#exchanges.push(exchange);
    }
    if (fault?.kind === "stamp" && fault.appended !== true && produce !== null) {
      return this.#settle(exchange, produceAnswer(header, produce, errorCode(fault.error)));
    }
    const isFlipped = fault?.kind === "flipBits" && fault.what === "request";
    const passed = isFlipped ? this.#flipped(frame, fault.bits ?? 1, produce) : frame;
    this.#toBroker.send(framed(passed), requestDelayMs);
    this.#flow();
  }

  #onAnswer(frame: Buffer): void {
    if (this.#hasGap) return;
    const correlationId = frame.readInt32BE(0);
    const exchange = this.#exchanges.find((each) => each.header.correlationId === correlationId);
    // The answer to a request that was to have none.
    if (exchange === undefined) return;
    const { header, fault, produce } = exchange;
    if (fault?.kind === "reset") return this.reset();
    if (fault?.kind === "stall") return this.#stall(fault.ms);
    if (fault?.kind === "stamp" && produce !== null) {
      return this.#settle(exchange, produceAnswer(header, produce, errorCode(fault.error)));
    }
    if (fault?.kind === "flipBits" && fault.what === "answer") {
      return this.#settle(exchange, this.#flipped(frame, fault.bits ?? 1, null));
    }
    if (header.apiKey === API.ApiVersions) {
      return this.#settle(exchange, capVersions(frame, header.apiVersion));
    }
    if (fault?.kind === "noBrokers" && header.apiKey === API.Metadata) {
      return this.#settle(exchange, withoutBrokers(frame, header.apiVersion));
    }
    if (!namesAddresses(header.apiKey)) return this.#settle(exchange, frame);
    const fields = addressesIn(frame, header);
    void Promise.all(fields.map((field) => this.#side.local(field))).then(
      (targets) => {
        this.#settle(exchange, replaceAddresses(frame, { kind: header, fields, targets }));
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Sends back what is ready, up to the first answer that is not. */
  #settle(exchange: Exchange, answer: Buffer): void {
    exchange.answer = answer;
    for (let head = this.#exchanges[0]; head?.answer; head = this.#exchanges[0]) {
      this.#exchanges.shift();
      this.#toClient.send(framed(head.answer), head.answerDelayMs);
    }
    this.#flow();
  }

  #flipped(frame: Buffer, bits: number, produce: ProduceRequest | null): Buffer {
    const copy = Buffer.from(frame);
    const [part] = produce?.parts ?? [];
    // Behind the correlation id, or where the records' checksum begins.
    const start = part === undefined ? 4 : Math.min(part.start + CHECKED_FROM_BYTES, part.end - 1);
    const end = part === undefined ? copy.length : part.end;
    for (let flipped = 0; flipped < bits; flipped += 1) {
      const at = start + Math.floor(this.#side.random() * (end - start));
      copy.writeUInt8(copy.readUInt8(at) ^ (1 << Math.floor(this.#side.random() * 8)), at);
    }
    return copy;
  }

  /** Reads from each side only while the other takes it. */
  #flow(): void {
    if (this.#isSilent || this.#toBroker.isFull) this.#client.pause();
    else this.#client.resume();
    if (this.#isSilent || this.#toClient.isFull) this.#broker.pause();
    else this.#broker.resume();
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#side.complain(error instanceof Error ? error : new Error(String(error)));
    this.reset();
  }
}
