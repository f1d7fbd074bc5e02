/**
 * One question at a time, whoever asks. An answer never tells what was before it was asked for: who
 * asks while a question is under way waits for the next one, with all who do the same.
 */
export class SharedQuestion<T> {
  readonly #ask: () => Promise<T>;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<T> | null = null;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** Rejects as the question does. */
  ask(): Promise<T> {
    this.#next ??= this.#last.then(() => {
      this.#next = null;
      const answer = this.#ask();
      this.#last = answer.catch(() => {});
      return answer;
    });
    return this.#next;
  }
}
