/**
 * What a lane is given, and what it tells those who own it.
 */
import type { DeliveryClock } from "./clock.ts";
import type { DeliveryEvent } from "./delivery.ts";
import type { Lane } from "./lane.ts";
import type { RecordQueue } from "./record-queue.ts";

export interface LaneOptions {
  readonly number: number;
  readonly queue: RecordQueue;
  readonly topicNames: readonly string[];
  readonly clock: DeliveryClock;
  readonly commitDeadlineMs: number;
  readonly onEvent: (event: DeliveryEvent) => void;
  /** Records were confirmed. */
  readonly onStored: (lane: number) => void;
  /** The producer is of no use any more; the lane has let go of it. */
  readonly onProducerLost: (lane: Lane, reason: string) => void;
  /** The producer is to be replaced, nothing is out: `renewed` has to be called, soon. */
  readonly onDoubt: (lane: Lane) => void;
  /** Records of this topic failed with this Kafka code. */
  readonly onTopicFailure: (topic: string, kafkaCode: number) => void;
  /** These partitions, and no others, have held the commit open for too long. */
  readonly onHeldUp: (lane: Lane, open: ReadonlySet<number>) => void;
  /** A commit is over and the next has not begun: what waits may be taken elsewhere. */
  readonly onIdle: (lane: Lane) => void;
  /** When records were last stored through any lane, on the delivery clock. */
  readonly storedAtMs: () => number;
}
