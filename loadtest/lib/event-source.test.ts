import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { cutSample, EventSource, isJson, utf8Bytes } from "./event-source.ts";

const lines = (file: string): string[] =>
  readFileSync(new URL(`../../packs/${file}`, import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "");

function sourceOf(pack: string, invalidShare = 0): EventSource {
  let seed = 7;
  return new EventSource({
    valid: lines(`${pack}/samples.ndjson`).map((line) => cutSample(line, true)),
    invalid: lines(`${pack}/samples.invalid.ndjson`)
      .filter(isJson)
      .map((line) => cutSample(line, false)),
    invalidShare,
    prefix: "0123456789abcdef",
    random: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647,
  });
}

describe("EventSource", () => {
  for (const pack of ["behaviour", "aiops", "commerce"]) {
    it(`${pack}: makes JSON with an id of its own each, and knows its bytes`, () => {
      const source = sourceOf(pack, 0.5);
      const ids = new Set<string>();
      for (let count = 0; count < 500; count += 1) {
        const { text, bytes, isValid } = source.next("load-1-2", 1_790_000_000_000);
        assert.equal(bytes, Buffer.byteLength(text));
        JSON.parse(text);
        const id = /"(?:messageId|eventId)":"([^"]*)"/.exec(text)?.[1] ?? "";
        if (!isValid) continue;
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.ok(!ids.has(id));
        ids.add(id);
      }
    });
  }

  it("puts the person and the time into good events", () => {
    const source = sourceOf("behaviour");
    const texts = Array.from({ length: 50 }, () => source.next("load-1-2", 1_790_000_000_000).text);
    const text = texts.find((each) => each.includes('"anonymousId"')) ?? "{}";
    const { data } = JSON.parse(text) as { data: Readonly<Record<string, unknown>> };
    assert.equal(data["anonymousId"], "load-1-2");
    assert.equal(data["timestamp"], "2026-09-21T14:13:20.000Z");
  });
});

describe("utf8Bytes", () => {
  it("counts as UTF-8 does", () => {
    for (const text of ["", "tea", "–", "ケトル", "😀é"]) {
      assert.equal(utf8Bytes(text), Buffer.byteLength(text), text);
    }
  });
});
