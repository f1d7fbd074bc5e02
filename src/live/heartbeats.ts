/**
 * Heartbeats for many: subscribers of a shard who look at the same topics of the same tenant are at
 * the same place while they are live, so they are told it by one frame on one channel; and what
 * their feed leaves out.
 */
import type { Clock } from "../lib/clock.ts";
import { LIVE_HEARTBEAT_MS } from "../limits/live.ts";
import type { Feed } from "./feed.ts";
import { liveFrame } from "./frames.ts";
import type { Gap, LiveFrame } from "./frames.ts";
import { writeToken } from "./token.ts";

interface Group {
  readonly tenant: string;
  readonly feeds: readonly Feed[];
  readonly shard: number;
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
  join(tenant: string, feeds: readonly Feed[], shard: number): string {
    const name = `@/${shard}/${tenant}/${feeds.map(({ topic }) => topic).join(",")}`;
    const known = this.#groups.get(name);
    if (known?.feeds.every((feed, index) => feed === feeds[index]) === true) {
      known.members += 1;
      return name;
    }
    const saidAtMs = this.#clock.monotonicMs();
    this.#groups.set(name, { tenant, feeds, shard, members: 1, token: "", saidAtMs });
    return name;
  }

  leave(name: string): void {
    const group = this.#groups.get(name);
    if (group === undefined) return;
    group.members -= 1;
    if (group.members === 0) this.#groups.delete(name);
  }

  /** Groups of which something has moved, or that nothing was said to for long. */
  due(): readonly string[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#groups]
      .filter(([, group]) => {
        return tokenOf(group) !== group.token || nowMs - group.saidAtMs >= LIVE_HEARTBEAT_MS;
      })
      .map(([name]) => name);
  }

  /** Says to a group where it is; how many hear it. */
  beat(name: string, publish: (channel: string, frame: LiveFrame) => void): number {
    const group = this.#groups.get(name);
    if (group === undefined) return 0;
    group.token = tokenOf(group);
    group.saidAtMs = this.#clock.monotonicMs();
    publish(name, liveFrame("heartbeat", { token: group.token, time: this.#clock.nowMs() }));
    return group.members;
  }

  /** To all of a shard who are live on this feed; how many that are. Before its positions move. */
  tellGap(
    { feed, shard, gap }: { feed: Feed; shard: number; gap: Omit<Gap, "token"> },
    publish: (channel: string, frame: LiveFrame) => void,
  ): number {
    let members = 0;
    for (const [name, group] of this.#groups) {
      if (group.shard !== shard || !group.feeds.includes(feed)) continue;
      members += group.members;
      publish(name, liveFrame("gap", { ...gap, token: tokenOf(group) }));
    }
    return members;
  }
}

function tokenOf({ tenant, feeds, shard }: Group): string {
  const positions = feeds.map((feed) => [feed.topic, feed.positionsOf(shard)] as const);
  return writeToken(tenant, new Map(positions));
}
