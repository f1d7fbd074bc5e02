/**
 * Which session each row of an open frame belongs to: asked of the sessions, written into header
 * and record. Frames whose records hold the id wait a moment, at a session's first event, until
 * the store has agreed to it. It knows no Kafka.
 */
import type { Codec, FrameContext } from "../codec/codec.ts";
import { TextMemo } from "../lib/text-memo.ts";
import { HEADER_FLAG, setHeaderFlag } from "../records.ts";
import type { RecordTable } from "../records.ts";
import type { SessionRef, Sessions } from "../session/sessions.ts";
import { filled } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { knownIdOf, LINKING_TYPE, saysNobodyElse } from "./links.ts";
import type { Route, RouteBook } from "./routes.ts";

export interface SessionTouchesParts {
  readonly codec: Codec;
  readonly routes: RouteBook;
  readonly sessions: Sessions;
}

interface Frame {
  readonly table: RecordTable;
  readonly context: FrameContext;
}

export class SessionTouches {
  readonly #parts: SessionTouchesParts;
  /** An actor's events come in groups, and making a text costs more than all else here. */
  readonly #texts = new TextMemo();

  constructor(parts: SessionTouchesParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the ids that records of this frame hold are settled, soon in any case; null:
   * there is nothing to wait for.
   */
  agreement(frame: Frame): Promise<void> | null {
    const { routes, sessions } = this.#parts;
    const { table } = frame;
    if (!routes.fillsSessions) return null;
    const slots: number[] = [];
    for (let row = 0; row < table.count; row += 1) {
      const route = routes.get(table.route[row] ?? -1);
      if (route?.fillsSession !== true) continue;
      const session = this.#sessionOf(frame, row, route.type.type);
      if (session?.provisional === true) slots.push(session.slot);
    }
    return slots.length === 0 ? null : sessions.agree(slots);
  }

  touch(
    frame: Frame,
    row: number,
    { batch, batchRow, route }: { batch: Batch; batchRow: number; route: Route | undefined },
  ): void {
    const { table, context } = frame;
    const { codec, sessions } = this.#parts;
    const type = route?.type.type ?? "";
    const session = this.#sessionOf(frame, row, type);
    if (session === null || session.slot < 0) return;
    if (type === LINKING_TYPE) {
      const event = table.memory.subarray(table.eventStart[row], table.eventEnd[row]);
      if (!saysNobodyElse(event, session.user)) {
        const known = knownIdOf(event, context.payload);
        if (known !== this.#actorOf(table, row)) sessions.link(session.slot, known);
      }
    }
    codec.setSession(row, session.id);
    if (session.provisional) setHeaderFlag(table, row, HEADER_FLAG.sessionProvisional);
    batch.sessionSlots ??= filled(batch.count, -1);
    batch.sessionSlots[batchRow] = session.slot;
  }

  #actorOf(table: RecordTable, row: number): string {
    const { memory, actorStart, actorEnd } = table;
    return this.#texts.read(memory, actorStart[row] ?? 0, actorEnd[row] ?? 0);
  }

  #sessionOf({ table, context }: Frame, row: number, type: string): SessionRef | null {
    const { sessions } = this.#parts;
    const { memory, sessionStart, sessionEnd } = table;
    const actor = this.#actorOf(table, row);
    const clientSessionId = this.#texts.read(memory, sessionStart[row] ?? 0, sessionEnd[row] ?? 0);
    if (actor === "" && clientSessionId === "") return null;
    const { tenant, source, receivedAtMs } = context;
    const timeMs = table.timeMs[row] ?? receivedAtMs;
    return sessions.touch({ tenant, source, actor, clientSessionId, timeMs, type });
  }
}
