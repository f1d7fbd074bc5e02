/**
 * What a sender may send, and to which topic it goes: the rules of his tenant and source, worked
 * out once per type. Senders who may send everything to the pack's topics cost nothing per event.
 */
import { hasScope } from "../admission/policy.ts";
import type { SourcePolicy } from "../admission/policy.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Route } from "./routes.ts";

/** Who sends a frame: a principal of admission, as far as events are concerned. */
export interface Sender {
  readonly policy: SourcePolicy;
  readonly scopes: readonly string[];
}

/** Topic of an event this sender may not send. */
export const NOT_ALLOWED = -1;

/** The rules of one sender. */
export class Permit {
  readonly #sender: Sender;
  readonly #delivery: Delivery;
  /** By type: number of the topic, or NOT_ALLOWED. Bounded by the types of the pack. */
  readonly #topics = new Map<string, number>();

  constructor(sender: Sender, delivery: Delivery) {
    this.#sender = sender;
    this.#delivery = delivery;
  }

  topicOf({ type: { type }, topicNumber }: Route): number {
    const known = this.#topics.get(type);
    if (known !== undefined) return known;
    const { policy, scopes } = this.#sender;
    const isAllowed =
      hasScope(scopes, `write:${type}`) && (policy.types === null || policy.types.has(type));
    const own = policy.tenant.topics.get(type);
    const topic = own === undefined ? topicNumber : this.#delivery.topic(own);
    const decided = isAllowed ? topic : NOT_ALLOWED;
    this.#topics.set(type, decided);
    return decided;
  }
}

/** Permits by sender; a policy that was replaced takes its permits with it. */
export class Permits {
  readonly #delivery: Delivery;
  readonly #permits = new WeakMap<SourcePolicy, Map<string, Permit>>();

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  /** null: everything is allowed, and goes where the pack says. */
  of(sender: Sender): Permit | null {
    const { policy, scopes } = sender;
    const isOpen = policy.types === null && policy.tenant.topics.size === 0;
    if (isOpen && scopes.includes("write:*")) return null;
    const byScopes = this.#permits.get(policy) ?? new Map<string, Permit>();
    this.#permits.set(policy, byScopes);
    const key = scopes.join(" ");
    const known = byScopes.get(key);
    if (known !== undefined) return known;
    // Tokens bring scopes of their own: few sets of them are usual, many are forgotten together.
    if (byScopes.size >= SCOPE_SETS_MAX) byScopes.clear();
    const permit = new Permit(sender, this.#delivery);
    byScopes.set(key, permit);
    return permit;
  }
}

const SCOPE_SETS_MAX = 100;
