/** The subscribing client against a feed that a test plays, in virtual time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { subscribe } from "./live.ts";
import type { LiveEvent, LiveGap, LiveState, SubscribeOptions } from "./live.ts";
import type { SocketLike } from "./types.ts";

type Said = Readonly<Record<string, unknown>>;

class Clock {
  nowMs = 1_000;
  readonly #timers = new Set<{ readonly atMs: number; readonly action: () => void }>();
  now = (): number => this.nowMs;
  after = (delayMs: number, action: () => void): (() => void) => {
    const timer = { atMs: this.nowMs + delayMs, action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Lets time pass, and what was promised happen. */
  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.atMs - b.atMs)) {
      if (timer.atMs <= this.nowMs && this.#timers.delete(timer)) timer.action();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

class Scene {
  readonly clock = new Clock();
  readonly sockets: FakeSocket[] = [];
  readonly offsets: number[] = [];
  readonly gaps: LiveGap[] = [];
  readonly states: LiveState[] = [];

  async start(options: Partial<SubscribeOptions> = {}) {
    const { sockets } = this;
    class Socket extends FakeSocket {
      constructor() {
        super();
        sockets.push(this);
      }
    }
    const subscription = subscribe({
      url: "http://x",
      onEvent: ({ offset }: LiveEvent) => this.offsets.push(offset),
      onGap: (gap) => this.gaps.push(gap),
      onState: (state) => this.states.push(state),
      // A fake takes fewer arguments.
      WebSocket: Socket,
      clock: this.clock,
      random: () => 0.5,
      ...options,
    });
    await this.clock.pass(0);
    return subscription;
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1) ?? assert.fail("there is a connection");
  }

  /** Opens the newest connection and welcomes it. */
  welcome(token = "t0"): Said {
    this.socket.onopen?.(undefined as never);
    this.socket.tell({ t: "subscribed", token, heartbeat: 15 });
    return this.socket.said[0] ?? {};
  }

  event(offset: number): void {
    this.socket.tell({ t: "event", topic: "a", partition: 0, offset });
  }
}

class FakeSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly said: Said[] = [];
  isClosed = false;

  send(text: string): void {
    this.said.push(JSON.parse(text) as Said);
  }

  close(): void {
    this.isClosed = true;
  }

  tell(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as never);
  }

  end(code: number): void {
    this.onclose?.({ code, reason: "" } as never);
  }
}

describe("subscribe", () => {
  it("says what it wants, and hears events until it is closed", async () => {
    const scene = new Scene();
    const where = [{ path: "/a", value: 1 }];
    const subscription = await scene.start({ auth: "k", types: ["x"], where, from: 5 });
    const { t, auth, types, from, where: said } = scene.welcome();
    assert.deepEqual([t, auth, types, from, said], ["subscribe", "k", ["x"], 5, where]);
    scene.event(0);
    scene.socket.tell({ t: "caught_up", token: "t1" });
    assert.deepEqual(scene.states, ["connecting", "catching_up", "live"]);
    subscription.close();
    assert.ok(scene.socket.isClosed);
    scene.event(1);
    assert.deepEqual(scene.offsets, [0]);
    assert.equal(subscription.token, "t1");
  });

  it("after a break, goes on from its token and drops what it has had", async () => {
    const scene = new Scene();
    await scene.start();
    scene.welcome("t0");
    for (const offset of [0, 1]) scene.event(offset);
    scene.socket.tell({ t: "heartbeat", token: "t2" });
    for (const offset of [2, 3]) scene.event(offset);
    scene.socket.end(1006);
    assert.equal(scene.states.at(-1), "offline");
    await scene.clock.pass(249);
    assert.equal(scene.sockets.length, 1, "half of 500 ms have not passed");
    await scene.clock.pass(2);
    assert.deepEqual(scene.welcome()["from"], { token: "t2" });
    for (const offset of [2, 3, 4]) scene.event(offset);
    assert.deepEqual(scene.offsets, [0, 1, 2, 3, 4]);
  });

  it("pauses grow, a long connection starts them anew, goaway says its own", async () => {
    const scene = new Scene();
    await scene.start();
    for (const pauseMs of [250, 500, 1_000]) {
      scene.socket.end(1006);
      await scene.clock.pass(pauseMs - 1);
      const { length } = scene.sockets;
      await scene.clock.pass(2);
      assert.equal(scene.sockets.length, length + 1, `after ${pauseMs} ms`);
    }
    scene.welcome();
    await scene.clock.pass(10_001);
    scene.socket.tell({ t: "goaway", after_ms: 4_000, token: "t" });
    scene.socket.end(1012);
    const { length } = scene.sockets;
    await scene.clock.pass(3_999);
    assert.equal(scene.sockets.length, length);
    await scene.clock.pass(2);
    assert.equal(scene.sockets.length, length + 1);
  });

  for (const reason of ["slow", "behind"]) {
    it(`a gap (${reason}), is fetched; its events and those of the present come once each`, async () => {
      const scene = new Scene();
      await scene.start();
      scene.welcome();
      scene.event(0);
      const gap = { topic: "a", partition: 0, from: 1, to: 4 };
      scene.socket.tell({ t: "gap", ...gap, reason, token: "t" });
      scene.event(4);
      scene.event(1);
      assert.deepEqual(scene.socket.said.at(-1), { t: "fetch", ...gap });
      scene.socket.end(1006);
      await scene.clock.pass(1_000);
      scene.welcome();
      assert.deepEqual(scene.socket.said.at(-1), { t: "fetch", ...gap, from: 2 });
      for (const offset of [4, 2, 3, 3, 5]) scene.event(offset);
      scene.socket.tell({ t: "fetched", ...gap });
      assert.deepEqual(scene.offsets, [0, 4, 1, 2, 3, 5]);
      assert.deepEqual(scene.gaps, []);
    });
  }

  it("what cannot be fetched, is told", async () => {
    const scene = new Scene();
    await scene.start();
    scene.welcome();
    const gap = { topic: "a", partition: 0, from: 1, to: 4 };
    scene.socket.tell({ t: "gap", ...gap, reason: "retention", token: "t" });
    scene.socket.tell({ t: "gap", ...gap, reason: "slow", token: "t" });
    scene.socket.tell({ t: "error", code: "bad_fetch", detail: "", fatal: false });
    assert.deepEqual(scene.gaps, [
      { ...gap, reason: "retention" },
      { ...gap, reason: "slow" },
    ]);
    const again = { ...gap, from: 9, to: 12, reason: "reset" as const };
    scene.socket.tell({ t: "gap", ...again, token: "t" });
    scene.event(0);
    assert.deepEqual(scene.offsets, [0]);
  });

  it("refused credentials, are renewed once; other refusals stop", async () => {
    const scene = new Scene();
    let asked = 0;
    await scene.start({ auth: () => Promise.resolve(`k${(asked += 1)}`) });
    scene.socket.end(4401);
    await scene.clock.pass(0);
    assert.equal(scene.welcome()["auth"], "k2");
    scene.socket.tell({ t: "subscribed", token: "t", heartbeat: 15, auth_exp: 81_000 });
    await scene.clock.pass(20_001);
    assert.deepEqual(scene.sockets[1]?.said.at(-1), { t: "auth", token: "k3" });
    // By this clock it expired long ago: not asked for without pause.
    scene.socket.tell({ t: "auth_ok", auth_exp: 1 });
    await scene.clock.pass(1);
    assert.equal(asked, 3);
    await scene.clock.pass(10_000);
    assert.equal(asked, 4);
    for (const code of [4400, 4403, 1008]) {
      const other = new Scene();
      await other.start({ auth: "k" });
      other.socket.end(code);
      assert.equal(other.states.at(-1), "stopped");
    }
  });

  it("silence, ends a connection", async () => {
    const scene = new Scene();
    await scene.start();
    scene.welcome();
    await scene.clock.pass(37_000);
    assert.equal(scene.states.at(-1), "catching_up");
    await scene.clock.pass(1_000);
    assert.equal(scene.states.at(-1), "offline");
    assert.ok(scene.socket.isClosed);
  });
});
