/**
 * Domain events as the commerce pack has them, and ids that are the same however often one is made.
 */
import { createHash } from "node:crypto";

export interface DomainEvent {
  readonly eventId: string;
  readonly occurredOn: string;
  readonly eventType: string;
  /** Whose events keep their order. */
  readonly aggregateId: string;
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventParts {
  readonly eventType: string;
  readonly aggregateId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** `cause`: what makes it; the same cause gives the same event. */
export function makeEvent(cause: string, parts: EventParts): DomainEvent {
  const { eventType, aggregateId, data } = parts;
  const eventId = uuidOf(`${cause}/${eventType}/${aggregateId}`);
  const occurredOn = new Date().toISOString();
  return { eventId, occurredOn, eventType, aggregateId, version: 1, data };
}

function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const end = `${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${end}`;
}
