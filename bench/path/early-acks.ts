/**
 * Loaded before a gateway by `npm run bench -- path --parts tax`, and by nobody else: makes it
 * answer `stored` before Kafka has anything, to see what truthful answers cost. No setting of the
 * gateway leads here.
 *
 * It runs no further ahead of Kafka than the truthful gateway would with the same clients
 * (EARLY_ACKS_AHEAD events): beyond that an answer waits. Without such a bound it fills the
 * gateway's budget, and then the pauses of credit are what is measured.
 */
import type { DeliverySink } from "../../src/delivery/delivery.ts";
import { Intake } from "../../src/delivery/intake.ts";

const AHEAD_EVENTS_MAX = Number(process.env["EARLY_ACKS_AHEAD"] ?? Infinity);

/** Events that were handed over and have no outcome. */
let ahead = 0;
const waiting: (() => void)[] = [];

/** Hears the outcomes that nobody waits for. */
const COUNTER: DeliverySink = {
  recordStored: () => {
    ahead -= 1;
  },
  recordFailed: () => {
    ahead -= 1;
  },
  commitSettled: () => {
    while (ahead <= AHEAD_EVENTS_MAX && waiting.length > 0) waiting.shift()?.();
  },
};

const submit = Object.getOwnPropertyDescriptor(Intake.prototype, "submit")
  ?.value as Intake["submit"];

Intake.prototype.submit = function submitEarly(this: Intake, table, submission): void {
  const { sink, topics, indexBase } = submission;
  const { count } = table;
  let handedOver = 0;
  for (let row = 0; row < count; row += 1) if ((topics[row] ?? -1) >= 0) handedOver += 1;
  ahead += handedOver;
  submit.call(this, table, { ...submission, sink: COUNTER });
  const answer = (): void => {
    for (let row = 0; row < count; row += 1) {
      if ((topics[row] ?? -1) >= 0) sink.recordStored(indexBase + row);
    }
    sink.commitSettled();
  };
  if (ahead <= AHEAD_EVENTS_MAX) setImmediate(answer);
  else waiting.push(answer);
};
