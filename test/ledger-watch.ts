/**
 * Holds a gateway to its ledger for as long as it runs: received = stored + duplicate + rejected +
 * retry + in flight, at whatever moment somebody looks, merged and in each of its processes (the
 * drift that is exported has no sign, so that two of them cannot hide each other). What is found is
 * told when the watch ends.
 */
import assert from "node:assert/strict";

const LOOK_MS = 250;

export type LedgerNumbers = Readonly<Record<string, number>>;

/** Reads the ledger out of a metrics page. @throws {AssertionError} if it does not balance */
export function balancedLedger(metrics: string): LedgerNumbers {
  const numbers: Record<string, number> = {};
  for (const match of metrics.matchAll(/^sluice_ledger_events\{state="(\w+)"[^}]*\} (\S+)/gm)) {
    numbers[match[1] ?? ""] = Number(match[2]);
  }
  const { received = NaN, stored = NaN, duplicate = NaN, rejected = NaN, retry = NaN } = numbers;
  const settled = stored + duplicate + rejected + retry + (numbers["in_flight"] ?? NaN);
  assert.equal(received, settled, `the ledger balances: ${JSON.stringify(numbers)}`);
  const drift = /^sluice_ledger_drift_events(?:\{[^}]*\})? (\S+)/m.exec(metrics)?.[1];
  assert.equal(Number(drift ?? NaN), 0, "no process has lost count of an event");
  return numbers;
}

export class LedgerWatch {
  readonly #metricsUrl: string;
  readonly #timer: NodeJS.Timeout;
  #problem: unknown = null;
  #look: Promise<void> | null = null;

  constructor(adminUrl: string) {
    this.#metricsUrl = `${adminUrl}/metrics`;
    this.#timer = setInterval(() => this.#lookAgain(), LOOK_MS);
    this.#timer.unref();
  }

  /** A last look, if there is still somebody to look at. @throws what any look has found */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#lookAgain();
    await this.#look;
    if (this.#problem !== null) throw this.#problem;
  }

  #lookAgain(): void {
    if (this.#look !== null) return;
    this.#look = this.#judge().finally(() => {
      this.#look = null;
    });
  }

  async #judge(): Promise<void> {
    const metrics = await this.#read();
    // A primary whose workers are not up yet has nothing to say.
    if (metrics === null || !metrics.includes("sluice_ledger_events")) return;
    try {
      balancedLedger(metrics);
    } catch (error) {
      this.#problem ??= error;
    }
  }

  /** Null: nobody answers, because it was killed, or stands still, or is not up yet. */
  async #read(): Promise<string | null> {
    try {
      const answer = await fetch(this.#metricsUrl, { signal: AbortSignal.timeout(2_000) });
      return answer.ok ? await answer.text() : null;
    } catch {
      return null;
    }
  }
}
