/** How many connections each tenant and source has, against what its policy allows. */
import type { Principal } from "../admission/admission.ts";
import type { TenantPolicy } from "../admission/policy.ts";
import { sourceName } from "../admission/tenants-file.ts";

export class Census {
  readonly #principals = new Map<object, Principal>();
  readonly #counts = new Map<string, number>();
  /** Of the tenants that are counted. */
  readonly #policies = new Map<string, TenantPolicy>();

  /** False: it is one too many, and is not counted. */
  enter(connection: object, principal: Principal): boolean {
    const { tenant, source, policy } = principal;
    const limits = [
      { name: tenant, most: policy.tenant.quota.connections ?? Infinity },
      { name: sourceName(tenant, source), most: policy.quota.connections ?? Infinity },
    ];
    if (limits.some(({ name, most }) => this.#count(name) >= most)) return false;
    for (const { name } of limits) this.#counts.set(name, this.#count(name) + 1);
    this.#principals.set(connection, principal);
    this.#policies.set(tenant, policy.tenant);
    return true;
  }

  /** Tenants that have connections, with how many. */
  *tenants(): Generator<readonly [TenantPolicy, number]> {
    for (const policy of this.#policies.values()) {
      yield [policy, this.#count(policy.tenant)];
    }
  }

  leave(connection: object): void {
    const principal = this.#principals.get(connection);
    if (principal === undefined) return;
    const { tenant, source } = principal;
    for (const name of [tenant, sourceName(tenant, source)]) {
      const left = this.#count(name) - 1;
      if (left > 0) this.#counts.set(name, left);
      else {
        this.#counts.delete(name);
        this.#policies.delete(name);
      }
    }
    this.#principals.delete(connection);
  }

  #count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
}
