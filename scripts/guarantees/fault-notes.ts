/** What the tests of a fault row leave open, and why; by number of the row. */
export const FAULT_NOTES: ReadonlyMap<number, string> = new Map([
  [
    15,
    "no test: a quota is the broker's, set through an API of administrators that the Kafka " +
      "binding does not have; to the producer a throttled answer is a late one, which row 16 holds, " +
      "and `sluice_kafka_throttle_seconds` shows it",
  ],
  [
    20,
    "not for ten minutes and a million events: credit bounds what a client may have queued here, so " +
      "that more time adds nothing that waits",
  ],
  [
    40,
    "the listener is not paused while descriptors are missing: who connects then is not taken, and " +
      "waits in the kernel's queue or is refused",
  ],
  [42, "that goodput stays above 80 % of the maximum is a timing, which no test asserts"],
  [
    46,
    "packets are withheld by a proxy for each broker, not by a network namespace, which takes root",
  ],
  [
    48,
    "`npm run soak -- --minutes 1440 --seed 7` is that run, of the same faults and judge as the " +
      "oracle's; the runs that were kept are in test/oracle/README.md and took minutes, not a day",
  ],
]);
