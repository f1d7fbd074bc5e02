/**
 * Loaded before a gateway: each SIGUSR2 moves its wall clock: an hour on, an hour back behind the
 * true time, and to the true time again. The monotonic clock goes on.
 */
const HOUR_MS = 3_600_000;
const OFFSETS = [HOUR_MS, -HOUR_MS, 0];

const trueNow = Date.now;
let moves = 0;
let offsetMs = 0;
Date.now = () => trueNow() + offsetMs;

process.on("SIGUSR2", () => {
  offsetMs = OFFSETS[moves % OFFSETS.length] ?? 0;
  moves += 1;
  // For the test, which waits for it.
  process.stderr.write(`clock moved ${moves}\n`);
});
