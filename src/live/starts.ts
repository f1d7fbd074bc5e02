/** Where the views of a subscription begin, as Kafka says it. It changes nothing. */
import type { Subscription } from "./subscription.ts";
import type { Starts, TopicView } from "./topic-view.ts";

/** Where each view begins; null: where its feed is. A sentence if Kafka does not say. */
export async function startsOf(
  views: readonly TopicView[],
  { start, canSeekByTime }: Pick<Subscription, "start"> & { readonly canSeekByTime: boolean },
): Promise<readonly (Starts | null)[] | string> {
  if (start.kind === "now") return views.map(() => null);
  try {
    return await Promise.all(
      views.map(async ({ feed, told }) => {
        if (start.kind === "token") {
          const offsets = start.positions.get(feed.topic);
          return offsets === undefined ? null : { offsets, sinceMs: 0, ends: await feed.endsNow() };
        }
        // What is told while Kafka is asked is his.
        const here = new Map(canSeekByTime ? told : []);
        const sinceMs = start.timeMs;
        const [found, ends] = await Promise.all([
          canSeekByTime ? feed.offsetsAt(sinceMs) : new Map<number, number>(),
          feed.endsNow(),
        ]);
        return { offsets: new Map([...here, ...found]), sinceMs, ends };
      }),
    );
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
