/** What all senders of a run share: where gateways are, what is remembered, when to stop. */
import type { EventSupply } from "./events.ts";
import type { History } from "./history.ts";

export interface SenderParts {
  readonly name: string;
  /** Base URLs of the gateways, `http://…`; a sender goes to any of them. */
  readonly urls: readonly string[];
  readonly supply: EventSupply;
  readonly history: History;
  readonly random: () => number;
  /** Numbers batches over all senders. */
  readonly nextBatch: () => number;
  /** Events a second, as long as nothing holds it back. */
  readonly rate: number;
}

export interface Sender {
  readonly name: string;
  /** Events without a final outcome. */
  readonly open: number;
  start(): void;
  /** Makes no new events any more; goes on until the others have their outcome. */
  finish(): void;
  /** Stops for good. */
  stop(): Promise<void>;
}

/** A request or frame that gets no answer for so long, on a connection that lives, never will. */
export const SILENCE_MS = 60_000;

export function pick<T>(items: readonly T[], random: () => number): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}
