/**
 * Starts and ends of sessions as records: news → Avro by the codec's plans → Kafka. It is a
 * pipeline of its own, with its own codec, because nobody may send such events from outside. It
 * knows no stores and no sockets.
 */
import type { Codec } from "../codec/codec.ts";
import type { Delivery, DeliverySink } from "../delivery/delivery.ts";
import { ROW_STATUS } from "../records.ts";
import type { RecordTable } from "../records.ts";
import { partsOfActorKey } from "../session/book.ts";
import type { SessionNews } from "../session/sweeper.ts";
import type { RouteBook } from "./routes.ts";

/** News of one frame, and bytes of its text. */
const FRAME_NEWS_MAX = 500;
export const NEWS_FRAME_BYTES_MAX = 1024 * 1024;

export interface SessionPressParts {
  /** One that is used for nothing else. */
  readonly codec: Codec;
  readonly routes: RouteBook;
  readonly delivery: Delivery;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  /** News that does not fit the schema in use; it is tried again. */
  readonly onUnfit: (detail: string) => void;
}

interface Line {
  readonly index: number;
  readonly text: string;
}

export class SessionPress {
  readonly #parts: SessionPressParts;

  constructor(parts: SessionPressParts) {
    this.#parts = parts;
  }

  /** Answers for each of the news whether it is known to be in Kafka. Never rejects. */
  async say(news: readonly SessionNews[]): Promise<readonly boolean[]> {
    const isSaid = news.map(() => false);
    const byOrigin = new Map<string, Line[]>();
    news.forEach(({ kind, session }, index) => {
      const { tenant, source } = partsOfActorKey(session.actorKey);
      const origin = `${tenant}:${source}`;
      const lines = byOrigin.get(origin) ?? [];
      lines.push({ index, text: JSON.stringify(eventOf({ kind, session })) });
      byOrigin.set(origin, lines);
    });
    const printed: Promise<void>[] = [];
    for (const [origin, lines] of byOrigin) {
      const { tenant, source } = partsOfActorKey(`${origin}:`);
      for (const frame of frames(lines)) {
        printed.push(this.#print(frame, { tenant, source, isSaid }));
      }
    }
    await Promise.all(printed);
    return isSaid;
  }

  #print(
    lines: readonly Line[],
    to: { readonly tenant: string; readonly source: string; readonly isSaid: boolean[] },
  ): Promise<void> {
    const { codec, delivery, nowMs } = this.#parts;
    const { tenant, source, isSaid } = to;
    const frame = Buffer.from(`[${lines.map(({ text }) => text).join(",")}]`);
    const receivedAtMs = nowMs();
    const context = { shape: "json", payload: "data", typeMember: "type" } as const;
    const result = codec.encode(frame, {
      ...context,
      tenant,
      source,
      receivedAtMs,
      eventsMax: FRAME_NEWS_MAX,
    });
    if (result.kind !== "table") {
      this.#parts.onUnfit("the codec failed on a frame of session news");
      return Promise.resolve();
    }
    const { table } = result;
    const topics = this.#topics(table);
    const sent = topics.filter((topic) => topic >= 0).length;
    if (sent === 0) return Promise.resolve();
    return new Promise((resolve) => {
      let open = sent;
      const settled = (): void => {
        open -= 1;
        if (open === 0) resolve();
      };
      const sink: DeliverySink = {
        recordStored: (row) => {
          const line = lines[row];
          if (line !== undefined) isSaid[line.index] = true;
          settled();
        },
        recordFailed: settled,
        commitSettled: () => {},
      };
      const rows = { sink, topics, tenant: delivery.tenant(tenant), indexBase: 0 };
      delivery.submit(table, { ...rows, timestampMs: receivedAtMs });
    });
  }

  #topics(table: RecordTable): Int32Array {
    const { routes, codec, onUnfit } = this.#parts;
    return Int32Array.from({ length: table.count }, (_, row) => {
      const route = routes.get(table.route[row] ?? -1);
      // Without a schema nothing is said yet: the schema store has told of it.
      if (route === undefined || route.plan === null) return -1;
      if (table.status[row] === ROW_STATUS.encoded) return route.topicNumber;
      onUnfit(codec.describe(row).detail);
      return -1;
    });
  }
}

function* frames(lines: readonly Line[]): Generator<readonly Line[]> {
  let frame: Line[] = [];
  let bytes = 2;
  for (const line of lines) {
    // Three bytes of UTF-8 for one unit of UTF-16 is the most.
    const more = 3 * line.text.length + 1;
    if (frame.length >= FRAME_NEWS_MAX || (frame.length > 0 && bytes + more > FRAME_BYTES_SOFT)) {
      yield frame;
      frame = [];
      bytes = 2;
    }
    frame.push(line);
    bytes += more;
  }
  if (frame.length > 0) yield frame;
}

const FRAME_BYTES_SOFT = NEWS_FRAME_BYTES_MAX / 2;

/** What has happened to a session, as an event of the built-in pack. */
export function eventOf({ kind, session }: SessionNews): object {
  const { id, startMs, lastMs, count, entry, exit, user, isPast, revision, actorKey } = session;
  const { tenant, source, actor } = partsOfActorKey(actorKey);
  const who = { sessionId: id, tenant, source, actor, userId: user === "" ? null : user };
  const started = { ...who, startedAt: startMs, entry };
  if (kind === "started") {
    const eventId = `${id}:started`;
    return { id: eventId, type: "session_started", key: id, ts: startMs, data: started };
  }
  const data = {
    ...started,
    endedAt: lastMs,
    durationMs: lastMs - startMs,
    events: count,
    exit,
    reason: isPast ? "next" : "idle",
    revision,
  };
  const eventId = `${id}:ended:${revision}`;
  return { id: eventId, type: "session_ended", key: id, ts: lastMs, data };
}
