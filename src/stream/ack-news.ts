/** What a stream has to tell in its next ack and has not told yet, in the members of that frame. */
import type { Ack } from "../protocol/frames.ts";

export type RetryLine = NonNullable<Ack["retry"]>[number];

export class AckNews {
  rej: object[] = [];
  retry: RetryLine[] = [];
  #dup: [number, number][] = [];

  get isEmpty(): boolean {
    return this.rej.length + this.retry.length + this.#dup.length === 0;
  }

  /** Numbers come in ascending order within a frame. */
  addDuplicate(seq: number): void {
    const last = this.#dup.at(-1);
    if (last !== undefined && last[1] + 1 === seq) last[1] = seq;
    else this.#dup.push([seq, seq]);
  }

  /** The members that hold something; they are told once. */
  take(): Pick<Ack, "rej" | "retry" | "dup"> {
    const { rej, retry } = this;
    const dup = this.#dup;
    this.rej = [];
    this.retry = [];
    this.#dup = [];
    return {
      ...(rej.length > 0 ? { rej } : {}),
      ...(retry.length > 0 ? { retry } : {}),
      ...(dup.length > 0 ? { dup } : {}),
    };
  }
}
