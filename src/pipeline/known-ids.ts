/**
 * Ids of events that are stored already, for tenants who want no event stored twice: whose they are
 * in an open frame, and what other processes know of them. It knows no sockets and no Redis.
 */
import type { Codec } from "../codec/codec.ts";
import { IdClaims, idKey } from "../dedupe/id-window.ts";
import type { IdScope, IdStanding, IdWindow } from "../dedupe/id-window.ts";
import { ROW_STATUS, VERDICT } from "../records.ts";
import type { RecordTable } from "../records.ts";
import type { Batch } from "./batch.ts";
import type { Sender } from "./permits.ts";
import { eventOf } from "./record-facts.ts";

export interface KnownIdsParts {
  readonly codec: Pick<Codec, "text">;
  readonly idWindow: IdWindow;
  /** How long a tenant's ids are known; 0: it does not want that. */
  readonly dedupeMsOf: (scope: IdScope) => number;
}

/** What stands before an event's id in its identity; the event as it was sent. */
export type ScopeOf = ((event: Uint8Array) => string) | undefined;

export class KnownIds {
  readonly #parts: KnownIdsParts;

  constructor(parts: KnownIdsParts) {
    this.#parts = parts;
  }

  /** Resolves, soon in any case, when other processes were asked; null: there is no need to. */
  asked(table: RecordTable, scope: IdScope, scopeOf: ScopeOf): Promise<void> | null {
    const { idWindow, dedupeMsOf } = this.#parts;
    const windowMs = dedupeMsOf(scope);
    if (windowMs === 0) return null;
    const keys: string[] = [];
    for (let row = 0; row < table.count; row += 1) {
      if (table.status[row] !== ROW_STATUS.encoded) continue;
      const identity = this.#identityOf(table, row, scopeOf);
      if (identity !== "") keys.push(idKey(scope, identity));
    }
    return idWindow.ask(keys, windowMs);
  }

  claimsOf(scope: IdScope, { policy }: Sender): IdClaims | null {
    const windowMs = policy.tenant.dedupeMs;
    return windowMs === 0 ? null : new IdClaims(this.#parts.idWindow, scope, { windowMs });
  }

  /**
   * Is this event to be handed over? If not it is stored already, or under way: a twin in its own
   * batch gets the verdict of the first, any other is to be sent again.
   */
  claims(batch: Batch, row: number, event: { table: RecordTable; scopeOf: ScopeOf }): boolean {
    const { table, scopeOf } = event;
    if (batch.claims === null) return true;
    const standing: IdStanding = batch.claims.claim(row, this.#identityOf(table, row, scopeOf));
    if (standing === "stored") batch.decide(row, VERDICT.duplicate);
    if (standing === "in_progress") batch.decide(row, VERDICT.retry, "in_progress");
    return standing === "new";
  }

  #identityOf(table: RecordTable, row: number, scopeOf: ScopeOf): string {
    const id = this.#parts.codec.text(table.idStart[row] ?? 0, table.idEnd[row] ?? 0);
    if (id === "" || scopeOf === undefined) return id;
    return scopeOf(eventOf(table, row)) + id;
  }
}
