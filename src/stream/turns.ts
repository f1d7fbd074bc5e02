/**
 * One claim of a stream at a time. Of those that wait only the newest keeps waiting: the others
 * have been overtaken before they began. What comes for the stream meanwhile is put off.
 */
interface Turn<T> {
  next: ((isMine: boolean) => void) | null;
  readonly deferred: T[];
}

export class Turns<T> {
  readonly #turns = new Map<string, Turn<T>>();
  readonly #deferredMax: number;

  /** Of what is put off for one key, the newest are kept. */
  constructor(deferredMax: number) {
    this.#deferredMax = deferredMax;
  }

  /** True when the turn has come; false when a newer one waits. */
  enter(key: string): Promise<boolean> {
    const turn = this.#turns.get(key);
    if (turn === undefined) {
      this.#turns.set(key, { next: null, deferred: [] });
      return Promise.resolve(true);
    }
    turn.next?.(false);
    return new Promise((resolve) => {
      turn.next = resolve;
    });
  }

  /** True if the key has a turn, at whose end the item comes back. */
  defer(key: string, item: T): boolean {
    const turn = this.#turns.get(key);
    if (turn === undefined) return false;
    turn.deferred.push(item);
    if (turn.deferred.length > this.#deferredMax) turn.deferred.shift();
    return true;
  }

  /** What has been put off so far. */
  deferred(key: string): readonly T[] {
    return this.#turns.get(key)?.deferred ?? [];
  }

  /** Ends the turn; what was put off is given back unless another turn begins now. */
  leave(key: string): readonly T[] {
    const turn = this.#turns.get(key);
    if (turn?.next === undefined || turn.next === null) {
      this.#turns.delete(key);
      return turn?.deferred ?? [];
    }
    const { next } = turn;
    turn.next = null;
    next(true);
    return [];
  }
}
