import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { loadConfig } from "./load.ts";
import { OPTIONS, type OptionName } from "./options.ts";
import { printConfig } from "./print.ts";
import { flagName, variableName, type OptionRule } from "./rule.ts";

const NAMES = Object.keys(OPTIONS) as OptionName[];

/** Texts that are sometimes a value, sometimes nearly one, mostly neither. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.integer().map(String),
  fc.constantFrom("", "true", "false", "json", "a:1", "a:1,b:2", "redis://u:p@h", "--port", "--"),
);

const flag = fc.oneof(
  fc.constantFrom(...NAMES.map(flagName), "--config", "--no-create-topics", "--help", "-h"),
  fc
    .tuple(fc.constantFrom(...NAMES.map(flagName)), text)
    .map(([name, value]) => `${name}=${value}`),
  text,
);

const variable = fc.oneof(
  fc.constantFrom(...NAMES.map(variableName), "SLUICE_CONFIG", "HOME"),
  fc.string({ maxLength: 8 }).map((name) => `SLUICE_${name}`),
);

const file = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc
    .dictionary(fc.constantFrom(...NAMES, "nope", "__proto__"), fc.jsonValue({ maxDepth: 1 }))
    .map((members) => JSON.stringify(members)),
  text,
);

/** Integers inside the range of an option, with the option. */
const integerSetting = fc
  .constantFrom(...NAMES.filter((name) => OPTIONS[name].type === "integer"))
  .chain((name) => {
    const rule: OptionRule = OPTIONS[name];
    assert.ok(rule.type === "integer");
    return fc.record({
      name: fc.constant(name),
      value: fc.integer({ min: rule.min, max: rule.max }),
    });
  });

describe("loadConfig, anything", () => {
  it("gives a frozen configuration, help, or sentences; it never throws", () => {
    fc.assert(
      fc.property(
        fc.array(flag, { maxLength: 8 }),
        fc.dictionary(variable, text, { maxKeys: 6 }),
        file,
        (argv, env, content) => {
          const result = loadConfig({ argv, env, readFile: () => content, isTty: false });
          switch (result.kind) {
            case "config":
              assert.ok(Object.isFrozen(result.config));
              assert.deepEqual(Object.keys(result.config), NAMES);
              assert.ok(printConfig(result).length > 0);
              break;
            case "help":
              assert.ok(result.text.length > 0);
              break;
            case "fault":
              assert.ok(result.faults.length > 0);
              for (const sentence of result.faults) assert.match(sentence, /[.?]$/);
              break;
            default:
              result satisfies never;
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("an integer in range is never refused for itself, and the same in all three ways", () => {
    fc.assert(
      fc.property(integerSetting, ({ name, value }) => {
        const ways = [
          { argv: [flagName(name), String(value)], env: {}, content: "{}" },
          { argv: [], env: { [variableName(name)]: String(value) }, content: "{}" },
          { argv: [], env: {}, content: JSON.stringify({ [name]: value }) },
        ];
        const results = ways.map(({ argv, env, content }) => {
          const args = ["--config", "f", ...argv];
          const result = loadConfig({ argv: args, env, readFile: () => content, isTty: false });
          return result.kind === "config" ? result.config[name] : result;
        });
        // It may clash with the default of another option, but then in every way alike.
        assert.deepEqual(results[1], results[0]);
        assert.deepEqual(results[2], results[0]);
        assert.ok(results[0] === value || typeof results[0] === "object");
      }),
    );
  });
});
