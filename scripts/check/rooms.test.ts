import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { forbiddenImports } from "./rooms.ts";

/** What is wrong with an import, or undefined. */
function complaint(room: string, specifier: string): string | undefined {
  const found = forbiddenImports(room).find(({ regex }) => new RegExp(regex).test(specifier));
  return found?.message;
}

describe("forbiddenImports", () => {
  for (const [room, specifier] of [
    ["pipeline", "../codec/codec.ts"],
    ["pipeline", "../errors.ts"],
    ["schema", "../../codec/abi.gen.ts"],
    ["server", "../protocol/frames.ts"],
    ["delivery", "./budget.ts"],
    ["delivery", "@confluentinc/kafka-javascript"],
    ["session", "node:crypto"],
  ] as const) {
    it(`${room} may import ${specifier}`, () => {
      assert.equal(complaint(room, specifier), undefined);
    });
  }

  for (const [room, specifier, why] of [
    ["delivery", "../codec/codec.ts", /src\/delivery may not import src\/codec/],
    ["codec", "../session/sessions.ts", /may not import src\/session/],
    ["pipeline", "../server/http.ts", /may not import src\/server/],
    ["pipeline", "../main.ts", /may not import src\/main/],
    ["schema", "../../pipeline/batch.ts", /may not import src\/pipeline/],
    ["pipeline", "../config/options.ts", /types of src\/config only/],
    ["pipeline", "ioredis", /met in src\/redis only/],
    ["server", "@confluentinc/kafka-javascript/types/rdkafka.js", /met in src\/delivery only/],
    ["codec", "fast-check", /for tests and benchmarks/],
  ] as const) {
    it(`${room} may not import ${specifier}`, () => {
      assert.match(complaint(room, specifier) ?? "", why);
    });
  }
});
