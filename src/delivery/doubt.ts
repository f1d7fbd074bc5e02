/**
 * Judges whether a producer is to be replaced. A producer can fall sick for good: it is connected,
 * reports no fatal error, and all it gets of some partitions times out, while a new one could store
 * it. What tells is commits that time out while others store something; a Kafka that stands still
 * as a whole, or a partition that really does, looks the same from here, so the next look waits for
 * longer each time. It acts on nothing itself.
 */

/** What a commit that timed out counts: while other lanes stored something, and otherwise. */
const WHILE_OTHERS_STORE = 2;
const ALONE = 1;
/** The first replacement comes when so much has come together; then twice as much, up to … */
const PATIENCE = 2;
/** … four commits that time out while others store: a minute, by the message timeout. */
const PATIENCE_MAX = 8;

export class Doubt {
  #count = 0;
  #patience = PATIENCE;

  /** A commit of it has timed out, at least in part, since one was stored as a whole. */
  get isDoubtful(): boolean {
    return this.#count > 0;
  }

  /** It is to be replaced. */
  get isDue(): boolean {
    return this.#count >= this.#patience;
  }

  /** A commit is over in which records timed out. */
  timedOut({ haveOthersStored }: { readonly haveOthersStored: boolean }): void {
    this.#count += haveOthersStored ? WHILE_OTHERS_STORE : ALONE;
  }

  /** One is over in which none did. */
  stored(): void {
    this.#count = 0;
    this.#patience = PATIENCE;
  }

  /** Another producer is there, for a reason that has nothing to do with this. */
  forget(): void {
    this.#count = 0;
  }

  /** Another producer is there because this one was in doubt. */
  replaced(): void {
    this.forget();
    this.#patience = Math.min(2 * this.#patience, PATIENCE_MAX);
  }
}
