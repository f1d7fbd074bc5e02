/** The loop between a Kafka that always has more and a database that stands still. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import type { GroupReader } from "../delivery/group-reader.ts";
import type { KafkaRecord } from "../delivery/reader.ts";
import { SINK_BATCH_RECORDS_MAX, SINK_POLL_RECORDS_MAX, SINK_WRITE_PATIENCE_MS } from "./limits.ts";
import { Sink } from "./sink.ts";
import type { SinkParts } from "./sink.ts";
import type { Batch } from "./writer.ts";

/** Endless; nothing of it while it is paused. */
class EndlessReader {
  readonly generation = 1;
  given = 0;
  isPaused = false;
  polls = 0;

  async poll(recordsMax: number): Promise<readonly KafkaRecord[]> {
    this.polls += 1;
    await delay(1);
    if (this.isPaused) return [];
    return Array.from({ length: recordsMax }, () => {
      const offset = this.given;
      this.given += 1;
      const value = new Uint8Array(10);
      return { topic: "t", partition: 0, offset, timestampMs: 0, key: null, value, headers: [] };
    });
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  commit(): void {}
}

test("back-pressure: while the database stands still, a batch and a poll are held at most", async () => {
  const reader = new EndlessReader();
  const stop = new AbortController();
  const written: Batch[] = [];
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let next = 0;
  const parts = {
    decoder: { decode: () => ({ kind: "event" }) },
    writer: {
      async write(batch: Batch) {
        await gate;
        written.push(batch);
        return { events: batch.events.length };
      },
    },
    positions: {
      expected: () => next,
      advance: (_record: KafkaRecord, to: number) => void (next = to),
      isWritten: () => Promise.resolve(false),
      places: () => [],
    },
    lingerMs: 1,
    signal: stop.signal,
    onEvent: () => {},
    nowMs: () => performance.now(),
  };
  const sink = new Sink(parts as unknown as SinkParts);
  const running = sink.run(reader as unknown as GroupReader);
  while (!reader.isPaused) await delay(5);
  const { given, polls } = reader;
  await delay(SINK_WRITE_PATIENCE_MS);
  assert.equal(reader.given, given, "nothing is taken while it stands still");
  assert.ok(given <= SINK_BATCH_RECORDS_MAX + 2 * SINK_POLL_RECORDS_MAX, `${given} are held`);
  assert.ok(reader.polls > polls, "the group hears of the member");
  open();
  while (reader.given === given) await delay(5);
  stop.abort();
  await running;
  const offsets = written.flatMap(({ reaches }) => reaches.map(({ from, to }) => [from, to]));
  let end = 0;
  for (const [from, to = 0] of offsets) {
    assert.equal(from, end, "each batch goes on where the one before ended");
    end = to;
  }
  assert.ok(end > 0);
});
