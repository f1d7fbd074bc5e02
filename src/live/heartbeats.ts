/**
 * Heartbeats for many: subscribers who look at the same topics of the same tenant are at the same
 * place while they are live, so they are told it by one frame on one channel; and what their feed
 * leaves out.
 */
import type { Clock } from "../lib/clock.ts";
import { LIVE_HEARTBEAT_MS } from "../limits.ts";
import type { Feed } from "./feed.ts";
import { liveFrame } from "./frames.ts";
import type { Gap, LiveFrame } from "./frames.ts";
import { writeToken } from "./token.ts";

interface Group {
  readonly tenant: string;
  readonly feeds: readonly Feed[];
  members: number;
  token: string;
  saidAtMs: number;
}

export class Heartbeats {
  readonly #groups = new Map<string, Group>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One member more; the name of the channel. */
  join(tenant: string, feeds: readonly Feed[]): string {
    const name = `@/${tenant}/${feeds.map(({ topic }) => topic).join(",")}`;
    const known = this.#groups.get(name);
    if (known?.feeds.every((feed, index) => feed === feeds[index]) === true) {
      known.members += 1;
      return name;
    }
    const saidAtMs = this.#clock.monotonicMs();
    this.#groups.set(name, { tenant, feeds, members: 1, token: "", saidAtMs });
    return name;
  }

  leave(name: string): void {
    const group = this.#groups.get(name);
    if (group === undefined) return;
    group.members -= 1;
    if (group.members === 0) this.#groups.delete(name);
  }

  /** Says where something has moved, or nothing was said for long. */
  beat(publish: (channel: string, frame: LiveFrame) => void): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, group] of this.#groups) {
      const token = tokenOf(group);
      if (token === group.token && nowMs - group.saidAtMs < LIVE_HEARTBEAT_MS) continue;
      group.token = token;
      group.saidAtMs = nowMs;
      publish(name, liveFrame("heartbeat", { token, time: this.#clock.nowMs() }));
    }
  }

  /** To all who are live on this feed; how many that are. Before its positions move. */
  tellGap(
    feed: Feed,
    gap: Omit<Gap, "token">,
    publish: (channel: string, frame: LiveFrame) => void,
  ): number {
    let members = 0;
    for (const [name, group] of this.#groups) {
      if (!group.feeds.includes(feed)) continue;
      members += group.members;
      publish(name, liveFrame("gap", { ...gap, token: tokenOf(group) }));
    }
    return members;
  }
}

function tokenOf({ tenant, feeds }: Group): string {
  return writeToken(tenant, new Map(feeds.map(({ topic, positions }) => [topic, positions])));
}
