/**
 * One memory for several simulated processes, by the rules (memory-rules.ts), over a network that
 * delays, loses and parts: each process has its own line to it. Time is the world's.
 */
import { claimStored, saveStored, takeStored } from "../memory-rules.ts";
import type {
  Changed,
  ClaimAnswer,
  MemoryClaim,
  MemorySave,
  MemoryTake,
  SaveAnswer,
  StoredStream,
  TakeAnswer,
} from "../memory-rules.ts";
import type {
  Away,
  HandedOver,
  MemoryListener,
  ReleaseAsk,
  StreamMemory,
} from "../stream-memory.ts";
import type { World } from "./world.ts";

const DEADLINE_MS = 1_000;
const BEAT_MS = 1_000;
const BEAT_TTL_MS = 4_000;
const SETTLED_MS = 6_000;
const AWAY: Away = { kind: "away", reason: "down", detail: "of the simulation" };

/** What is on the other end of every line. */
export class SimServer {
  readonly world: World;
  readonly streams = new Map<string, StoredStream>();
  readonly lines = new Map<string, SimMemory>();
  readonly beats = new Map<string, number>();
  /** Of answers and messages, the part that is lost; and the longest delay. */
  trouble = { loss: 0, delayMs: 3 };
  forgotten = 0;

  constructor(world: World) {
    this.world = world;
  }

  forget(): void {
    this.streams.clear();
    this.beats.clear();
    this.forgotten += 1;
  }
}

export class SimMemory implements StreamMemory {
  readonly owner: string;
  readonly #server: SimServer;
  #listener: MemoryListener | null = null;
  /** Nothing passes, in either direction. */
  isCut = false;
  isDead = false;
  #isConnected = false;
  /** Since when every beat was heard; NaN: the last one was not. */
  #heardSinceMs = NaN;

  constructor(server: SimServer, owner: string) {
    this.#server = server;
    this.owner = owner;
    server.lines.set(owner, this);
  }

  async start(listener: MemoryListener): Promise<void> {
    this.#listener = listener;
    this.#beat();
  }

  async stop(): Promise<void> {}

  #beat(): void {
    if (this.isDead) return;
    const { world, beats } = this.#server;
    void this.#ask(() => {
      beats.set(this.owner, world.nowMs);
      return true;
    }).then((answer) => {
      const isHeard = answer === true && !this.isDead;
      if (!isHeard) this.#heardSinceMs = NaN;
      else if (Number.isNaN(this.#heardSinceMs)) this.#heardSinceMs = world.nowMs;
      if (isHeard && !this.#isConnected) this.#listener?.reconnected();
      this.#isConnected = isHeard;
    });
    world.after(BEAT_MS, () => this.#beat());
  }

  /** The line has held for so long that each side has told the other everything. */
  get isSettled(): boolean {
    return !this.isCut && this.#server.world.nowMs - this.#heardSinceMs > SETTLED_MS;
  }

  get #isLost(): boolean {
    return this.isCut || this.isDead || this.#server.world.chance(this.#server.trouble.loss);
  }

  /** To the server and back; on either way it may be lost, and nobody hears but the clock. */
  #ask<T>(act: () => T): Promise<T | Away> {
    const { world, trouble } = this.#server;
    return new Promise((resolve) => {
      world.after(this.isCut ? 1 : DEADLINE_MS, () => resolve(AWAY));
      world.after(world.between(0, trouble.delayMs), () => {
        if (this.#isLost) return;
        const answer = act();
        world.after(world.between(0, trouble.delayMs), () => {
          if (!this.#isLost) resolve(answer);
        });
      });
    });
  }

  #change<T>(key: string, change: (held: StoredStream | null) => Changed<T>): T {
    const { streams } = this.#server;
    const { stream, answer } = change(streams.get(key) ?? null);
    if (stream !== null) streams.set(key, stream);
    return answer;
  }

  claim(claim: MemoryClaim): Promise<ClaimAnswer | Away> {
    return this.#ask(() => this.#change(claim.key, (held) => claimStored(held, claim)));
  }

  take(take: MemoryTake): Promise<TakeAnswer | Away> {
    return this.#ask(() => this.#change(take.key, (held) => takeStored(held, take)));
  }

  async save(saves: readonly MemorySave[]): Promise<readonly (SaveAnswer | Away)[]> {
    const answer = await this.#ask(() =>
      saves.map((save) => this.#change(save.key, (held) => saveStored(held, save))),
    );
    return "kind" in answer ? saves.map(() => AWAY) : answer;
  }

  async isAlive(owner: string): Promise<boolean> {
    const { beats, world } = this.#server;
    const answer = await this.#ask(() => world.nowMs - (beats.get(owner) ?? -1e9) < BEAT_TTL_MS);
    return answer === true;
  }

  askRelease(ask: ReleaseAsk): void {
    this.#tell(ask.owner, (listener) => listener.releaseAsked(ask));
  }

  tellHandedOver(to: string, news: HandedOver): void {
    this.#tell(to, (listener) => listener.handedOver(news));
  }

  #tell(owner: string, say: (listener: MemoryListener) => void): void {
    const { world, trouble, lines } = this.#server;
    if (this.#isLost) return;
    world.after(world.between(0, 2 * trouble.delayMs), () => {
      const line = lines.get(owner);
      if (line === undefined || line.#isLost || line.#listener === null) return;
      say(line.#listener);
    });
  }
}
