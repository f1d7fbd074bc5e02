/**
 * Those who wait until a store has agreed to the ids of sessions: a bounded number, for a short
 * time. It knows neither stores nor events.
 */
import { SESSION_AGREE_MS, SESSION_AGREEMENTS_MAX } from "../limits/sessions.ts";
import type { Session } from "./session-table.ts";
import type { SessionTimers } from "./sessions.ts";

interface Waiting {
  readonly open: Set<Session>;
  readonly finish: () => void;
}

export class Agreements {
  readonly #timers: SessionTimers;
  readonly #waiting = new Set<Waiting>();

  constructor(timers: SessionTimers) {
    this.#timers = timers;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** null: too many wait already. */
  wait(sessions: readonly Session[]): Promise<void> | null {
    if (this.#waiting.size >= SESSION_AGREEMENTS_MAX) return null;
    return new Promise((resolve) => {
      const waiting: Waiting = {
        open: new Set(sessions),
        finish: () => {
          this.#waiting.delete(waiting);
          resolve();
        },
      };
      this.#waiting.add(waiting);
      this.#timers.setTimeout(waiting.finish, SESSION_AGREE_MS);
    });
  }

  agreed(session: Session): void {
    for (const waiting of this.#waiting) {
      waiting.open.delete(session);
      if (waiting.open.size === 0) waiting.finish();
    }
  }
}
