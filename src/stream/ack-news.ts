/** What a stream has to tell in its next ack and has not told yet, in the members of that frame. */
import type { Ack } from "../protocol/frames.ts";

export type RetryLine = NonNullable<Ack["retry"]>[number];

/** Lists are made when there is something to list: most connections never have any. */
export class AckNews {
  #rej: object[] | null = null;
  #retry: RetryLine[] | null = null;
  #dup: [number, number][] | null = null;

  get isEmpty(): boolean {
    return this.#rej === null && this.#retry === null && this.#dup === null;
  }

  addRejection(line: object): void {
    this.#rej ??= [];
    this.#rej.push(line);
  }

  addRetry(line: RetryLine): void {
    this.#retry ??= [];
    this.#retry.push(line);
  }

  /** Numbers come in ascending order within a frame. */
  addDuplicate(seq: number): void {
    this.#dup ??= [];
    const last = this.#dup.at(-1);
    if (last !== undefined && last[1] + 1 === seq) last[1] = seq;
    else this.#dup.push([seq, seq]);
  }

  /** The members that hold something; they are told once. */
  take(): Pick<Ack, "rej" | "retry" | "dup"> {
    const rej = this.#rej;
    const retry = this.#retry;
    const dup = this.#dup;
    this.#rej = null;
    this.#retry = null;
    this.#dup = null;
    return {
      ...(rej === null ? {} : { rej }),
      ...(retry === null ? {} : { retry }),
      ...(dup === null ? {} : { dup }),
    };
  }
}
