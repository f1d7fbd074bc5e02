/**
 * Which tenant holds how much of the budget, and who is over a fair share of it. Tenants are small
 * numbers; those beyond TENANTS_MAX share the number 0, and with it one share.
 */
import { TENANTS_MAX } from "../limits/delivery.ts";

export class Tenants {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  readonly #numbers: Map<string, number> = new Map();
  readonly #events: number[] = [0];
  readonly #bytes: number[] = [0];
  #active = 0;

  constructor(budget: { readonly eventsMax: number; readonly bytesMax: number }) {
    this.#eventsMax = budget.eventsMax;
    this.#bytesMax = budget.bytesMax;
  }

  /** Same name, same number. */
  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#numbers.size >= TENANTS_MAX) return 0;
    const number = this.#events.push(0) - 1;
    this.#bytes.push(0);
    this.#numbers.set(name, number);
    return number;
  }

  /** Has more than one tenant sent anything since the start? */
  get areMany(): boolean {
    return this.#numbers.size > 1;
  }

  /** Tenants with events in the budget. */
  get active(): number {
    return this.#active;
  }

  /** Tenants among whom the budget is to be shared, this one counted. */
  sharers(tenant: number): number {
    return this.#events[tenant] === 0 ? this.#active + 1 : this.#active;
  }

  take(tenant: number, events: number, bytes: number): void {
    const before = this.#events[tenant] ?? 0;
    if (before === 0 && events > 0) this.#active += 1;
    this.#events[tenant] = before + events;
    this.#bytes[tenant] = (this.#bytes[tenant] ?? 0) + bytes;
  }

  release(tenant: number, events: number, bytes: number): void {
    const left = (this.#events[tenant] ?? 0) - events;
    if (left === 0 && events > 0) this.#active -= 1;
    this.#events[tenant] = left;
    this.#bytes[tenant] = (this.#bytes[tenant] ?? 0) - bytes;
  }

  /** The part of the whole budget that this tenant fills. */
  filled(tenant: number): number {
    const events = (this.#events[tenant] ?? 0) / this.#eventsMax;
    return Math.max(events, (this.#bytes[tenant] ?? 0) / this.#bytesMax);
  }

  /** How many active tenants fill at least this part of the budget. */
  countAbove(share: number): number {
    let count = 0;
    for (const [tenant, events] of this.#events.entries()) {
      if (events > 0 && this.filled(tenant) >= share) count += 1;
    }
    return count;
  }
}
