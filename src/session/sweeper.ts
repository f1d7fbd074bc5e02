/**
 * Announces sessions: looks again and again for those that have begun or are over, has them said,
 * and gives the claims back. Several processes sweep one store side by side; a claim is one
 * process's until it ends. At least once: a process that ends between saying and giving back
 * leaves its claim to another, which says the same again. It knows no Kafka and no Redis.
 */
import { SESSION_SWEEP_INTERVAL_MS } from "../limits/sessions.ts";
import { dueNews } from "./book.ts";
import type { BookFailure, Claim, Said, SessionBook, SessionFacts, Settlement } from "./book.ts";

export interface SessionNews {
  readonly kind: "started" | "ended";
  readonly session: SessionFacts;
}

export interface SweeperOptions {
  readonly book: SessionBook;
  /** Says all of them; answers for each whether it is known to be said. Never rejects. */
  readonly say: (news: readonly SessionNews[]) => Promise<readonly boolean[]>;
  readonly nowMs: () => number;
  /** Runs a task once, later; it alone keeps no process alive. */
  readonly after: (delayMs: number, task: () => void) => unknown;
  /** 0 ≤ n < 1: processes sweep at different times. */
  readonly randomUnit: () => number;
  readonly intervalMs?: number;
  readonly onEvent: (event: SweeperEvent) => void;
}

export type SweeperEvent =
  | { readonly kind: "said"; readonly started: number; readonly ended: number }
  /** They are said later. */
  | { readonly kind: "unsaid"; readonly news: number }
  | (BookFailure & { readonly during: "claim" | "settle" });

/** What could not be said is tried again after so long. */
const SAY_AGAIN_MS = 5_000;

export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #intervalMs: number;
  #round: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? SESSION_SWEEP_INTERVAL_MS;
  }

  start(): void {
    this.#plan();
  }

  /** No new round; resolves when the one on its way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#round;
  }

  #plan(): void {
    if (this.#isStopped) return;
    const { after, randomUnit } = this.#options;
    after(this.#intervalMs * (0.75 + randomUnit() / 2), () => {
      if (this.#isStopped) return;
      this.#round = this.sweep().then(() => this.#plan());
    });
  }

  /** One round: what is due now is said and given back. */
  async sweep(): Promise<void> {
    const { book, say, nowMs, onEvent } = this.#options;
    const found = await book.claim();
    if (found.kind === "failed") {
      onEvent({ ...found, during: "claim" });
      return;
    }
    if (found.value.length === 0) return;
    const timeMs = nowMs();
    const due = found.value.map((claim) => newsOf(claim, timeMs));
    const news = due.flat();
    const isSaid = news.length === 0 ? [] : await say(news);
    const settlements: Settlement[] = [];
    let row = 0;
    found.value.forEach((claim, index) => {
      const own = due[index] ?? [];
      settlements.push(settle(claim, { news: own, isSaid: isSaid.slice(row), nowMs: nowMs() }));
      row += own.length;
    });
    this.#tell(news, isSaid);
    const settled = await book.settle(settlements);
    if (settled.kind === "failed") onEvent({ ...settled, during: "settle" });
  }

  #tell(news: readonly SessionNews[], isSaid: readonly boolean[]): void {
    const { onEvent } = this.#options;
    const said = news.filter((_, index) => isSaid[index] === true);
    const started = said.filter(({ kind }) => kind === "started").length;
    if (said.length > 0) onEvent({ kind: "said", started, ended: said.length - started });
    if (said.length < news.length) onEvent({ kind: "unsaid", news: news.length - said.length });
  }
}

function newsOf({ sessions }: Claim, nowMs: number): readonly SessionNews[] {
  return sessions.flatMap((session) => {
    const { started, ended } = dueNews(session, nowMs);
    const news: SessionNews[] = [];
    if (started) news.push({ kind: "started", session });
    if (ended) news.push({ kind: "ended", session });
    return news;
  });
}

function settle(
  claim: Claim,
  {
    news,
    isSaid,
    nowMs,
  }: {
    readonly news: readonly SessionNews[];
    readonly isSaid: readonly boolean[];
    readonly nowMs: number;
  },
): Settlement {
  const said = new Map<SessionFacts, Said>();
  news.forEach(({ kind, session }, index) => {
    if (isSaid[index] !== true) return;
    const before = said.get(session) ?? { session, started: false, ended: false };
    said.set(session, { ...before, [kind]: true });
  });
  const isAll = news.every((_, index) => isSaid[index] === true);
  return { claim, said: [...said.values()], againAtMs: isAll ? null : nowMs + SAY_AGAIN_MS };
}
