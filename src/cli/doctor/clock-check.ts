/** `sluice doctor`: does the clock of this machine agree with those of the servers it uses? */
import type { Finding } from "./finding.ts";

export interface ClockReading {
  /** Whose clock. */
  readonly of: string;
  /** Theirs minus ours, in ms. */
  readonly offsetMs: number;
  /** How far that may be off by the way it was measured, in ms. */
  readonly errorMs: number;
}

/** Sessions and clients' clocks are judged by ours; less than this nobody notices. */
const TOLERANCE_MS = 2_000;

export function checkClock(readings: readonly ClockReading[]): readonly Finding[] {
  const check = "clock";
  if (readings.length === 0) {
    const text = "no server told its time";
    return [{ check, status: "unchecked", text }];
  }
  return readings.map(({ of, offsetMs, errorMs }) => {
    const seconds = (Math.abs(offsetMs) / 1_000).toFixed(1);
    const isOff = Math.abs(offsetMs) - errorMs > TOLERANCE_MS;
    if (!isOff) return { check, status: "ok", text: `agrees with that of ${of}` };
    const text = `${seconds} s ${offsetMs > 0 ? "behind" : "ahead of"} that of ${of}`;
    const mend = "let NTP set the clocks of both machines";
    return { check, status: "warning", text, mend, command: "timedatectl status" };
  });
}
