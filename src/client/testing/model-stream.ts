/**
 * What the model server knows of a stream, and what follows of it: done, sack, which seq is final.
 */
import type { ModelSocket } from "./model-server.ts";

export class ModelStream {
  readonly final = new Map<number, "stored" | "rejected">();
  readonly inFlight = new Map<number, string>();
  /** Every one that was given is good, however old. */
  readonly tokens = new Set<string>();
  owner: ModelSocket | undefined;
  /** Complement of `held` at the last hello: final, as the client says. */
  open = new Set<number>();
  flagged = new Set<number>();
  next = 1;

  isFinal(seq: number): boolean {
    return (
      this.final.has(seq) || (seq < this.next && !this.open.has(seq) && !this.inFlight.has(seq))
    );
  }

  get done(): number {
    let done = 0;
    while (this.isFinal(done + 1)) done += 1;
    return done;
  }

  sack(done: number): [number, number][] {
    const ranges: [number, number][] = [];
    for (let seq = done + 1; seq < this.next; seq += 1) {
      if (!this.isFinal(seq)) continue;
      const range = ranges.at(-1);
      if (range?.[1] === seq - 1) range[1] = seq;
      else ranges.push([seq, seq]);
    }
    return ranges.slice(0, 64);
  }
}
