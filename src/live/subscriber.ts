/**
 * One subscriber on one connection, whichever door he came by: who he is, what he asked for, what
 * he is told. It knows no uWebSockets: the connection is an interface. His events are
 * topic-view.ts' business.
 */
import { isSameSender } from "../admission/admission.ts";
import type { Principal } from "../admission/admission.ts";
import type { CloseName } from "../errors.ts";
import { TokenBucket } from "../lib/token-bucket.ts";
import {
  LIVE_EVENT_BYTES_MAX,
  LIVE_FETCH_RECORDS_MAX,
  LIVE_HEARTBEAT_MS,
  LIVE_POSITION_MS,
} from "../limits/live.ts";
import { CONTROL_FRAMES_BURST, CONTROL_FRAMES_PER_SECOND } from "../limits/streams.ts";
import type { LivePeer, LiveSocket } from "./connection.ts";
import type { Feed, LeftOut } from "./feed.ts";
import { liveFrame, parseLiveFrame } from "./frames.ts";
import type { FetchRange, LiveFrame, LiveFrames } from "./frames.ts";
import type { LiveHub } from "./hub.ts";
import type { Passage, Range } from "./passage.ts";
import { readRequest } from "./request.ts";
import type { LiveRequest } from "./request.ts";
import { startsOf } from "./starts.ts";
import { plan } from "./subscription.ts";
import type { Subscription } from "./subscription.ts";
import { writeToken } from "./token.ts";
import type { TopicView, Viewer } from "./topic-view.ts";

export class Subscriber implements Viewer {
  /** Set by the hub: which one he is in. */
  shard = 0;
  readonly #hub: LiveHub;
  readonly #socket: LiveSocket;
  readonly #peer: LivePeer;
  readonly #controls: TokenBucket;
  readonly #openedAtMs: number;
  /** Set before it is known who he is: credentials of one `subscribe` are looked at, no more. */
  #hasAsked = false;
  #principal: Principal | null = null;
  #subscription: Subscription | null = null;
  /** Until it is known where they begin. */
  #opening: readonly TopicView[] = [];
  #views: readonly TopicView[] = [];
  #fetch: Passage | null = null;
  /** Name of the channel of his heartbeats, once everything is live. */
  #group = "";
  #wasCaughtUp = false;
  #saidAtMs = 0;
  #isClosed = false;

  constructor(hub: LiveHub, socket: LiveSocket, peer: LivePeer) {
    this.#hub = hub;
    this.#socket = socket;
    this.#peer = peer;
    this.#openedAtMs = hub.clock.monotonicMs();
    const rate = { perSecond: CONTROL_FRAMES_PER_SECOND, burst: CONTROL_FRAMES_BURST };
    this.#controls = new TokenBucket(rate, () => hub.clock.monotonicMs());
  }

  get openedAtMs(): number {
    return this.#openedAtMs;
  }

  get isMute(): boolean {
    return this.#subscription === null && !this.#isClosed;
  }

  get views(): readonly TopicView[] {
    return this.#views;
  }

  needs(feed: Feed): boolean {
    return [...this.#opening, ...this.#views].some((view) => view.feed === feed);
  }

  get subscription(): Subscription | null {
    return this.#subscription;
  }

  /** One message of a WebSocket. */
  onMessage(text: string): void {
    if (this.#isClosed) return;
    const frame = parseLiveFrame(text);
    if (typeof frame === "string") {
      this.fail("bad_frame", frame);
      return;
    }
    if (frame.t !== "subscribe" && !this.#mayControl()) return;
    switch (frame.t) {
      case "subscribe":
        this.#greet(frame.members);
        break;
      case "auth":
        void this.#authenticate(frame.token);
        break;
      case "ping":
        this.#say("pong", { n: frame.n, time: this.#hub.clock.nowMs() });
        break;
      case "pong":
        break;
      case "fetch":
        this.#fetchRange(frame);
        break;
      case "unknown": {
        const detail = `no frame of a subscriber is called ${JSON.stringify(frame.name)}`;
        this.#say("error", { code: "unknown_type", detail, fatal: false });
        break;
      }
      default:
        frame satisfies never;
    }
  }

  #mayControl(): boolean {
    if (this.#controls.waitMs > 0) {
      this.fail("policy", "too many frames");
      return false;
    }
    this.#controls.take(1);
    return true;
  }

  #greet(members: Readonly<Record<string, unknown>>): void {
    const { auth = null, v = 1 } = members;
    const request = readRequest(members);
    if (this.#hasAsked) this.fail("bad_frame", "a connection has one subscription");
    else if (v !== 1) this.fail("version_unsupported", "the version of this protocol is 1");
    else if (auth !== null && typeof auth !== "string") {
      this.fail("bad_frame", "subscribe.auth is a string");
    } else if (typeof request === "string") this.fail("bad_frame", request);
    else {
      this.#hasAsked = true;
      void this.#enter(request, auth);
    }
  }

  async #enter(request: LiveRequest, auth: string | null): Promise<void> {
    const principal = await this.#admitted(auth ?? this.#peer.credentials);
    if (principal === null || this.#isClosed) return;
    const planned = plan(request, principal, this.#hub.catalogue);
    if (planned.kind === "refused") this.fail(planned.code, planned.detail);
    else await this.subscribe(principal, planned.subscription);
  }

  async #admitted(credentials: string | null): Promise<Principal | null> {
    const applicant = { ...this.#peer, credentials, isConnection: true };
    const admitted = await this.#hub.admission.admit(applicant);
    if (admitted.kind === "admitted") return admitted.principal;
    const { code, detail } = admitted;
    if (code === "unavailable") this.fail("overloaded", detail, code);
    else this.fail(code, detail);
    return null;
  }

  /** He may have this, and gets it. Never rejects. */
  async subscribe(principal: Principal, subscription: Subscription): Promise<void> {
    this.#principal = principal;
    this.#subscription = subscription;
    const refusal = this.#hub.entered(this, principal);
    if (refusal !== null) {
      this.fail("overloaded", refusal);
      return;
    }
    const views = await this.#hub.open(this, subscription);
    if (typeof views === "string") return this.lost(views);
    this.#opening = views;
    if (this.#isClosed) {
      this.#closeViews();
      return;
    }
    const begun = await startsOf(views, {
      start: subscription.start,
      canSeekByTime: this.#hub.canSeekByTime,
    });
    if (this.#isClosed) return;
    if (typeof begun === "string") return this.lost(begun);
    this.#views = views;
    this.#opening = [];
    const passages = views.flatMap((view, index) => {
      const starts = begun[index] ?? null;
      return starts === null ? [] : [view.startFrom(starts)];
    });
    for (const view of views) if (view.passage === null) view.startNow();
    this.#sayWelcome(principal, subscription);
    this.arrived();
    for (const passage of passages) this.#hub.catchUps.add(passage);
  }

  #sayWelcome(principal: Principal, { topics }: Subscription): void {
    this.#say("subscribed", {
      conn: this.#hub.nextName(),
      topics: [...topics].map(([topic, types]) => ({ topic, types: [...types] })),
      ...this.#here(),
      heartbeat: Math.round(LIVE_HEARTBEAT_MS / 1_000),
      ...expiryOf(principal),
      limits: { buffer_bytes: this.#hub.bufferBytes, event_bytes: LIVE_EVENT_BYTES_MAX },
    });
  }

  /** Where he is. */
  #here(): { readonly token: string; readonly time: number } {
    const positions = new Map(this.#views.map((view) => [view.feed.topic, view.positions]));
    const tenant = this.#subscription?.tenant ?? "";
    return { token: writeToken(tenant, positions), time: this.#hub.clock.nowMs() };
  }

  async #authenticate(token: string): Promise<void> {
    const principal = await this.#admitted(token);
    if (principal === null || this.#isClosed) return;
    if (!isSameSender(principal, this.#principal)) {
      this.fail("forbidden", "a connection stays with the tenant and source it began with");
      return;
    }
    this.#principal = principal;
    this.#say("auth_ok", expiryOf(principal));
  }

  #fetchRange(range: FetchRange): void {
    const { topic, partition, from, to } = range;
    const view = this.#views.find(({ feed }) => feed.topic === topic);
    const end = view?.told.get(partition);
    const complain = (code: string, detail: string): void => {
      this.#say("error", { code, detail, fatal: false });
    };
    if (view === undefined || end === undefined) {
      complain("bad_fetch", "this subscription has no such topic and partition");
    } else if (this.#fetch !== null) complain("busy", "another fetch is under way");
    else if (to > end) complain("bad_fetch", `this partition ends at ${end}`);
    else if (to - from > LIVE_FETCH_RECORDS_MAX) {
      complain("too_large", `a fetch has at most ${LIVE_FETCH_RECORDS_MAX} offsets`);
    } else {
      this.#fetch = view.fetch(range, () => {
        this.#fetch = null;
        this.#say("fetched", { topic, partition, from, to });
      });
      this.#hub.catchUps.add(this.#fetch);
    }
  }

  /** Views: more waits for him than may. */
  isClogged(): boolean {
    return !this.#isClosed && this.#socket.buffered() > this.#hub.bufferBytes;
  }

  send(frame: LiveFrame): void {
    if (!this.#isClosed) this.#socket.send(frame);
  }

  join(channel: string): void {
    if (!this.#isClosed) this.#socket.join(channel);
  }

  leave(channel: string): void {
    if (!this.#isClosed) this.#socket.leave(channel);
  }

  gap(topic: string, partition: number, { from, to, reason }: Range): void {
    this.#hub.observer.gap(reason, 1);
    const positions = new Map(this.#views.map((view) => [view.feed.topic, view.positions]));
    const token = writeToken(this.#subscription?.tenant ?? "", positions);
    this.#say("gap", { topic, partition, from, to, reason, token });
  }

  /** A feed leaves something out. Who is live everywhere hears it with the others. */
  leaveOut(feed: Feed, gap: LeftOut): void {
    if (this.#group !== "") return;
    for (const view of this.#views) if (view.feed === feed) view.leaveOut(gap.partition, gap);
  }

  lost(reason: string): void {
    this.fail("kafka_unavailable", reason);
  }

  arrived(): void {
    if (!this.#views.every(({ state }) => state === "live")) return;
    const feeds = this.#views.map(({ feed }) => feed);
    this.#leaveGroup();
    this.#group = this.#hub.heartbeats.join(this.#subscription?.tenant ?? "", feeds, this.shard);
    this.#socket.join(this.#group);
    if (this.#wasCaughtUp) return;
    this.#wasCaughtUp = true;
    this.#say("caught_up", this.#here());
  }

  /** He does not keep up: nothing more for now. */
  park(): void {
    this.#leaveGroup();
    for (const view of this.#views) view.park();
  }

  /** He may read again. Many do so at once. */
  onDrain(): void {
    if (this.#isClosed || this.#socket.buffered() > this.#hub.bufferBytes / 2) return;
    if (this.#views.some(({ state }) => state === "parked")) this.#hub.returning.add(this);
    const isCarried = this.#views.some(({ passage }) => passage !== null);
    if (isCarried || this.#fetch !== null) this.#hub.catchUps.look();
  }

  /** He says what he missed, and goes on; how many frames that is. */
  goOn(): number {
    const parked = this.#views.filter(({ state }) => state === "parked");
    let frames = 0;
    for (const view of parked) {
      for (const [partition, range] of view.missed()) {
        this.gap(view.feed.topic, partition, range);
        frames += 1;
      }
    }
    for (const view of parked) view.unpark();
    return frames;
  }

  #leaveGroup(): void {
    if (this.#group === "") return;
    this.#hub.heartbeats.leave(this.#group);
    this.leave(this.#group);
    this.#group = "";
  }

  /** Hub: a look at what time has done. */
  tick(nowMs: number): void {
    if (this.#principal !== null && this.#hub.admission.isOver(this.#principal)) {
      this.fail("unauthenticated", "these credentials are no longer good");
      return;
    }
    for (const view of this.#views) view.tryLive();
    if (this.#group !== "" && this.isClogged()) this.park();
    this.onDrain();
    const isAlone = this.#group === "" && this.#views.length > 0;
    if (!isAlone || nowMs - this.#saidAtMs < LIVE_POSITION_MS || this.isClogged()) return;
    if (this.#views.some(({ state }) => state === "parked")) return;
    this.#saidAtMs = nowMs;
    this.#say("heartbeat", this.#here());
  }

  goAway(afterMs: number): void {
    if (this.#views.length > 0) {
      this.#say("goaway", { reason: "drain", after_ms: afterMs, ...this.#here() });
    }
    this.#close("restart", "it is time to reconnect");
  }

  /** Says why, then closes. */
  fail(name: CloseName, detail: string, code: string = name): void {
    if (this.#isClosed) return;
    this.#say("error", { code, detail, fatal: true });
    this.#close(name, detail);
  }

  #close(name: CloseName, detail: string): void {
    if (this.#isClosed) return;
    const socket = this.#socket;
    this.onClose();
    socket.end(name, detail);
  }

  /** The connection is gone. */
  onClose(): void {
    if (this.#isClosed) return;
    this.#leaveGroup();
    this.#isClosed = true;
    if (this.#fetch !== null) this.#hub.catchUps.remove(this.#fetch);
    this.#closeViews();
    this.#hub.left(this);
  }

  #closeViews(): void {
    for (const view of [...this.#opening, ...this.#views]) {
      if (view.passage !== null) this.#hub.catchUps.remove(view.passage);
      view.close();
      this.#hub.release(view.feed);
    }
    this.#opening = [];
    this.#views = [];
  }

  #say<T extends keyof LiveFrames>(t: T, members: LiveFrames[T]): void {
    if (!this.#isClosed) this.#socket.send(liveFrame(t, members));
  }
}

function expiryOf({ expiresAtMs }: Principal): { readonly auth_exp?: number } {
  return Number.isFinite(expiresAtMs) ? { auth_exp: expiresAtMs } : {};
}
