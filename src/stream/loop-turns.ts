/**
 * Tells one turn of the event loop from the next: what comes within one was there at once. It knows
 * nothing of what comes.
 */
export class LoopTurns {
  readonly #endOfTurn: (action: () => void) => void;
  #number = 0;
  #isSeen = false;

  /** `endOfTurn` runs an action after the I/O of the current turn. */
  constructor(endOfTurn: (action: () => void) => void) {
    this.#endOfTurn = endOfTurn;
  }

  /** The same number as long as the turn lasts. */
  get current(): number {
    if (!this.#isSeen) {
      this.#isSeen = true;
      this.#endOfTurn(this.#next);
    }
    return this.#number;
  }

  readonly #next = (): void => {
    this.#isSeen = false;
    this.#number += 1;
  };
}
