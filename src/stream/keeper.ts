/**
 * The stream store of one process: who holds which stream here, how a claim takes it over from
 * another holder, in this process or elsewhere, and what is done while the memory is away. It knows
 * the memory as a port (stream-memory.ts) and holders as an interface; it knows no frames.
 *
 *   claim ─ holder here? ─► fence it, write its record
 *         ─ memory.claim ─► denied │ away: go on alone, in doubt
 *                        ─► others hold it: ask the living, wait ─► memory.take ─► lease
 */
import type { Clock } from "../lib/clock.ts";
import {
  HAND_OVER_WAIT_MS,
  STREAM_STOP_DEADLINE_MS,
  STREAM_WAITED_FOR_MAX,
} from "../limits/streams.ts";
import { Lease } from "./lease.ts";
import type { LeaseTerms, LeaseWatch } from "./lease.ts";
import type { ClaimAnswer, PastOwner } from "./memory-rules.ts";
import { newBirth } from "./resume-token.ts";
import type { ResumeTokens } from "./resume-token.ts";
import { Saver } from "./saver.ts";
import type {
  Claim,
  ClaimRequest,
  StreamKey,
  StreamRecord,
  StreamStore,
  StreamStoreEvent,
  StreamStoreStats,
} from "./store.ts";
import type { HandedOver, MemoryListener, ReleaseAsk, StreamMemory } from "./stream-memory.ts";
import {
  DOUBT_ALL,
  EMPTY_RECORD,
  hasDoubt,
  mergedRecord,
  streamKeyText,
  withDoubt,
} from "./stream-record.ts";
import { Turns } from "./turns.ts";

export interface KeeperParts {
  readonly memory: StreamMemory;
  readonly tokens: ResumeTokens;
  readonly ttlSeconds: number;
  readonly clock: Clock;
  readonly onEvent: (event: StreamStoreEvent) => void;
}

type Claimed = Extract<ClaimAnswer, { readonly kind: "claimed" }>;

/** A claim that waits for past owners. */
interface Awaited {
  /** Of the claim. */
  readonly epoch: number;
  /** Of those who still have to hand over. */
  readonly epochs: Set<number>;
  readonly end: (isClean: boolean) => void;
}

/** What this process knew of a stream before a claim, and had not written. */
interface Known {
  readonly epoch: number;
  readonly record: StreamRecord;
  /** Its holder here is late: it may still produce. */
  readonly isLate: boolean;
}

export class StreamKeeper implements StreamStore {
  readonly ttlSeconds: number;
  readonly #parts: KeeperParts;
  readonly #saver: Saver;
  readonly #turns = new Turns<ReleaseAsk>(STREAM_WAITED_FOR_MAX);
  readonly #held = new Map<string, Lease>();
  /** Superseded leases whose holders are late, by key and epoch. */
  readonly #abandoned = new Set<string>();
  readonly #awaited = new Map<string, Awaited>();
  readonly #watch: LeaseWatch;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.ttlSeconds = parts.ttlSeconds;
    const { memory, clock, onEvent } = parts;
    this.#watch = {
      clock,
      onChanged: (lease) => this.#saver.changed(lease),
      onReleased: (lease, last) => this.#onReleased(lease, last),
      onSuperseded: () => onEvent({ kind: "superseded" }),
      onAbandoned: (lease) => this.#onAbandoned(lease),
    };
    this.#saver = new Saver({
      memory,
      clock,
      onEvent,
      onOvertaken: ({ key, epoch }, previous) => {
        const { owner } = previous;
        if (owner === memory.owner) return;
        memory.askRelease({
          key,
          owner,
          previousEpoch: previous.epoch,
          claimant: memory.owner,
          epoch,
        });
      },
    });
  }

  async start(): Promise<void> {
    const { memory, tokens } = this.#parts;
    const listener: MemoryListener = {
      releaseAsked: (ask) => void this.#onReleaseAsked(ask),
      handedOver: (news) => this.#onHandedOver(news),
      reconnected: () => this.#onReconnected(),
      secretFound: (secret) => tokens.use(secret),
    };
    this.#saver.start();
    await memory.start(listener);
  }

  /** What is still held is written, but not given free: nobody knows what is in flight. */
  async stop(): Promise<void> {
    this.#saver.stop();
    this.#onReconnected();
    await new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(STREAM_STOP_DEADLINE_MS, resolve);
      void this.#saver.flush().then(() => {
        cancel();
        resolve();
      });
    });
    const { pending } = this.#saver;
    if (pending > 0) this.#parts.onEvent({ kind: "forgotten", records: pending });
    await this.#parts.memory.stop();
  }

  token(key: StreamKey, birth: string): string {
    return this.#parts.tokens.token(key, birth);
  }

  birthIn(key: StreamKey, token: string): string | null {
    return this.#parts.tokens.birthIn(key, token);
  }

  stats(): StreamStoreStats {
    return { held: this.#held.size, pendingSaves: this.#saver.pending };
  }

  /** Claims of one stream go one after the other; of those that wait, only the newest is heard. */
  async claim(request: ClaimRequest): Promise<Claim> {
    const key = streamKeyText(request.key);
    if (!(await this.#turns.enter(key))) return this.#outrun(key, request);
    try {
      return await this.#claimInTurn(key, request);
    } finally {
      for (const ask of this.#turns.leave(key)) void this.#onReleaseAsked(ask);
    }
  }

  #outrun(key: string, request: ClaimRequest): Claim {
    const lease = this.#lease({ key, birth: "", epoch: 0, record: EMPTY_RECORD }, request);
    lease.isSuperseded = true;
    return { kind: "claimed", lease, record: null, isClean: false };
  }

  async #claimInTurn(key: string, request: ClaimRequest): Promise<Claim> {
    const { memory } = this.#parts;
    const { hasProof } = request;
    const held = this.#held.get(key);
    const isKnown = held !== undefined || this.#saver.leaving(key) !== null;
    if (isKnown && !hasProof) return this.#deny();
    const isHereClean = held === undefined || (await held.fence());
    await this.#saver.settle(key);
    const known = this.#known(key, isHereClean ? null : (held ?? null));
    const epochMin = Math.max(this.#clockEpoch(), (known?.epoch ?? 0) + 1);
    const mine = { key, owner: memory.owner, epochMin, birth: newBirth() };
    const answer = await memory.claim({ ...mine, hasProof });
    switch (answer.kind) {
      case "denied":
        return this.#deny();
      case "away":
        this.#saver.failed(answer);
        return this.#claimAlone({ key, epochMin, known }, request);
      case "claimed":
        return this.#takeOver({ key, answer, known }, request);
      default:
        return answer satisfies never;
    }
  }

  #deny(): Claim {
    this.#parts.onEvent({ kind: "denied" });
    return { kind: "denied" };
  }

  /** What is owed to the memory, or what a late holder had last said. */
  #known(key: string, late: Lease | null): Known | null {
    const leaving = this.#saver.leaving(key);
    if (leaving !== null) return { ...leaving, isLate: false };
    return late === null ? null : { epoch: late.epoch, record: late.record(), isLate: true };
  }

  /**
   * Seconds since 1970, which fit u32 until 2106: above every epoch that was given out before, also
   * by processes whose memory was away, unless a stream is claimed more than once a second.
   */
  #clockEpoch(): number {
    return Math.floor(this.#parts.clock.nowMs() / 1_000);
  }

  #claimAlone(
    by: { readonly key: string; readonly epochMin: number; readonly known: Known | null },
    request: ClaimRequest,
  ): Claim {
    const { key, epochMin: epoch, known } = by;
    const doubtBelow = request.next ?? DOUBT_ALL;
    const record = withDoubt(known?.record ?? EMPTY_RECORD, doubtBelow);
    this.#saver.inherited(key);
    const lease = this.#hold(this.#lease({ key, birth: newBirth(), epoch, record }, request));
    // Told to the memory as soon as it is back.
    this.#saver.changed(lease);
    this.#parts.onEvent({ kind: "claimed", how: "away" });
    return { kind: "claimed", lease, record: known === null ? null : record, isClean: false };
  }

  async #takeOver(
    by: { readonly key: string; readonly answer: Claimed; readonly known: Known | null },
    request: ClaimRequest,
  ): Promise<Claim> {
    const { key, answer, known } = by;
    const { memory } = this.#parts;
    const { birth, epoch } = answer;
    const isOther = request.birth !== undefined && request.birth !== birth;
    const dead = await this.#awaitOthers(key, answer);
    const doubtBelow = request.next ?? DOUBT_ALL;
    const taken =
      answer.waits.length === 0 && known === null
        ? ({ kind: "taken", record: answer.record, isClean: true } as const)
        : await memory.take({ key, owner: memory.owner, epoch, doubtBelow, dead });
    if (taken.kind === "superseded") return this.#outrun(key, request);
    const isTaken = taken.kind === "taken";
    const isReleased = isTaken && taken.isClean && known?.isLate !== true && !isOther;
    const told = isTaken ? taken.record : answer.record;
    const all = known === null ? told : mergedRecord(told ?? EMPTY_RECORD, known.record);
    const record = all === null || isReleased ? all : withDoubt(all, doubtBelow);
    const isClean = isReleased && (record === null || !hasDoubt(record));
    this.#saver.inherited(key);
    const isLost = record === null && request.hasPast === true;
    const ground = isLost ? withDoubt(EMPTY_RECORD, doubtBelow) : (record ?? EMPTY_RECORD);
    const lease = this.#lease({ key, birth, epoch, record: ground }, request);
    this.#hold(lease);
    if (!isTaken || known !== null || isLost || isOther) this.#saver.changed(lease);
    const how = record === null ? "new" : isClean ? "resumed" : "unclean";
    this.#parts.onEvent({ kind: "claimed", how });
    return { kind: "claimed", lease, record, isClean };
  }

  /** Waits for those who may still produce; answers with the dead among them. */
  async #awaitOthers(key: string, { waits, epoch }: Claimed): Promise<readonly string[]> {
    if (waits.length === 0) return [];
    const { memory, clock, onEvent } = this.#parts;
    await this.#giveOwnFree(key, waits);
    const others = waits.filter(({ owner }) => owner !== memory.owner);
    if (others.length === 0) return [];
    const owners = [...new Set(others.map(({ owner }) => owner))];
    const areAlive = await Promise.all(owners.map((owner) => memory.isAlive(owner)));
    const dead = owners.filter((_, index) => areAlive[index] !== true);
    const alive = others.filter(({ owner }) => !dead.includes(owner));
    if (alive.length === 0) return dead;
    const startMs = clock.monotonicMs();
    const isClean = await this.#askAndWait(key, { alive, epoch });
    onEvent({ kind: "handed_over", waitMs: clock.monotonicMs() - startMs, isClean });
    return dead;
  }

  /** This process has been named as a holder, and holds nothing: an earlier answer was lost. */
  async #giveOwnFree(key: string, waits: readonly PastOwner[]): Promise<void> {
    const { memory } = this.#parts;
    const { owner } = memory;
    const own = waits.filter(
      (past) => past.owner === owner && !this.#abandoned.has(nameOf(key, past.epoch)),
    );
    const free = { key, owner, record: null, isLast: true, birth: newBirth() };
    const saves = own.map(({ epoch }) => ({ ...free, epoch }));
    if (saves.length > 0) await memory.save(saves);
  }

  async #askAndWait(
    key: string,
    { alive, epoch }: { readonly alive: readonly PastOwner[]; readonly epoch: number },
  ): Promise<boolean> {
    const { memory, clock } = this.#parts;
    // Somebody came later already: were it waited for, two could wait for one another.
    if (this.#turns.deferred(key).some((ask) => ask.epoch > epoch)) return false;
    const isClean = await new Promise<boolean>((resolve) => {
      const cancel = clock.after(HAND_OVER_WAIT_MS, () => resolve(false));
      const end = (isReleased: boolean) => {
        cancel();
        resolve(isReleased);
      };
      this.#awaited.set(key, { epoch, epochs: new Set(alive.map((past) => past.epoch)), end });
      for (const past of alive) {
        const { owner, epoch: previousEpoch } = past;
        memory.askRelease({ key, owner, previousEpoch, claimant: memory.owner, epoch });
      }
    });
    this.#awaited.delete(key);
    return isClean;
  }

  #onHandedOver({ key, epoch }: HandedOver): void {
    const awaited = this.#awaited.get(key);
    awaited?.epochs.delete(epoch);
    if (awaited?.epochs.size === 0) awaited.end(true);
  }

  #lease(
    { key, birth, epoch, record }: Omit<LeaseTerms, "holder">,
    { holder }: ClaimRequest,
  ): Lease {
    return new Lease(this.#watch, { key, birth, epoch, record, holder });
  }

  #hold(lease: Lease): Lease {
    this.#held.set(lease.key, lease);
    return lease;
  }

  #drop(lease: Lease): void {
    if (this.#held.get(lease.key) === lease) this.#held.delete(lease.key);
    this.#saver.dropped(lease);
  }

  async #onReleased(lease: Lease, record: StreamRecord): Promise<void> {
    const { key, epoch } = lease;
    const isOurs = this.#held.get(key) === lease;
    this.#drop(lease);
    if (isOurs) {
      await this.#saver.release(lease, record);
      return;
    }
    // A claim that was outrun never held anything; a late holder is waited for no longer.
    if (!this.#abandoned.delete(nameOf(key, epoch))) return;
    const { memory } = this.#parts;
    const { owner } = memory;
    const last = { key, owner, epoch, record, isLast: true, birth: newBirth() };
    const [answer] = await memory.save([last]);
    if (answer?.kind === "handed_over") memory.tellHandedOver(answer.to, { key, owner, epoch });
  }

  #onAbandoned(lease: Lease): void {
    this.#abandoned.add(nameOf(lease.key, lease.epoch));
    this.#drop(lease);
  }

  /** Another process claimed the stream and waits. */
  async #onReleaseAsked(ask: ReleaseAsk): Promise<void> {
    const { key, epoch, previousEpoch } = ask;
    if (this.#turns.defer(key, ask)) {
      const awaited = this.#awaited.get(key);
      if (awaited !== undefined && awaited.epoch < epoch) awaited.end(false);
      return;
    }
    const held = this.#held.get(key);
    if (held !== undefined && held.epoch >= epoch) {
      // Claimed here while the memory was away: the other process has to learn it.
      this.#saver.changed(held);
      await this.#saver.flush();
      return;
    }
    if (held !== undefined && !(await held.fence())) return;
    await this.#saver.settle(key);
    if (this.#saver.leaving(key) !== null || this.#abandoned.has(nameOf(key, previousEpoch))) {
      return;
    }
    const { memory } = this.#parts;
    const { owner } = memory;
    const what = { record: null, isLast: true, birth: newBirth() };
    const free = { key, owner, epoch: previousEpoch, ...what };
    const [answer] = await memory.save([free]);
    if (answer === undefined || answer.kind === "away") return;
    memory.tellHandedOver(ask.claimant, { key, owner, epoch: previousEpoch });
  }

  #onReconnected(): void {
    for (const lease of this.#held.values()) this.#saver.changed(lease);
    void this.#saver.flush();
  }
}

function nameOf(key: string, epoch: number): string {
  return `${key} ${epoch}`;
}
