/** What the tests of a fault row leave open, and why; by number of the row. */
export const FAULT_NOTES: ReadonlyMap<number, string> = new Map([
  [
    20,
    "not for ten minutes and a million events: credit bounds what a client may have queued " +
      "here, so that more time adds nothing that waits",
  ],
  [
    40,
    "the listener is not paused while descriptors are missing: who connects then is not taken, " +
      "and waits in the kernel's queue or is refused",
  ],
  [42, "that goodput stays above 80 % of the maximum is a timing, which no test asserts"],
  [46, "a proxy for each broker withholds the packets: a network namespace would take root"],
  [
    48,
    "`npm run soak -- --minutes 1440 --seed 7` is that run, of the same faults and judge as " +
      "the oracle's; the runs that were kept (test/oracle/README.md) took minutes, not a day",
  ],
]);
