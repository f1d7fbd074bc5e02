/**
 * Records refused on arrival. Their sinks hear of it in a later loop turn, never inside `submit`.
 */
import type { OutcomeCode } from "../errors.ts";
import type { DeliveryClock } from "./clock.ts";
import type { DeliveryEvent, DeliverySink } from "./delivery.ts";

interface Refusal {
  readonly sink: DeliverySink;
  readonly code: OutcomeCode;
  readonly indexes: number[];
}

export class Refusals {
  readonly #clock: DeliveryClock;
  readonly #onEvent: (event: DeliveryEvent) => void;
  #open: Refusal[] = [];

  constructor(clock: DeliveryClock, onEvent: (event: DeliveryEvent) => void) {
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  add(sink: DeliverySink, code: OutcomeCode, index: number): void {
    if (this.#open.length === 0) this.#clock.endOfTurn(() => this.#tell());
    const last = this.#open.at(-1);
    if (last !== undefined && last.sink === sink && last.code === code) last.indexes.push(index);
    else this.#open.push({ sink, code, indexes: [index] });
  }

  #tell(): void {
    const refusals = this.#open;
    this.#open = [];
    const counts = new Map<OutcomeCode, number>();
    for (const { sink, code, indexes } of refusals) {
      for (const index of indexes) sink.recordFailed(index, code);
      sink.commitSettled();
      counts.set(code, (counts.get(code) ?? 0) + indexes.length);
    }
    for (const [code, count] of counts) this.#onEvent({ kind: "refused", code, count });
  }
}
