/** The words of `npm run services` and what they are taken for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { helpText, parseArguments } from "./arguments.mjs";
import { DEFINITIONS } from "./catalog.mjs";
import { ServiceProblem } from "./problem.mjs";

describe("parseArguments", () => {
  it("up with names and options: all of them, each name once", () => {
    const request = parseArguments(
      ["up", "kafka", "--fresh", "redis", "kafka", "--port-offset", "1000"],
      {},
    );
    assert.deepEqual(request, {
      command: "up",
      names: ["kafka", "redis"],
      isFresh: true,
      portOffset: 1000,
      lines: 100,
    });
  });

  it("an option with =: the same as with a blank", () => {
    const request = parseArguments(["logs", "redis", "--lines=7", "--port-offset=2000"], {});
    assert.equal(request.lines, 7);
    assert.equal(request.portOffset, 2000);
  });

  it("the offset of the environment: used unless the option says otherwise", () => {
    const environment = { SLUICE_SERVICES_PORT_OFFSET: "3000" };
    assert.equal(parseArguments(["status"], environment).portOffset, 3000);
    assert.equal(parseArguments(["status", "--port-offset=0"], environment).portOffset, 0);
    assert.equal(parseArguments(["status"], { SLUICE_SERVICES_PORT_OFFSET: "" }).portOffset, 0);
  });

  it("no command, help, --help anywhere: help", () => {
    for (const words of [[], ["help"], ["--help"], ["up", "kafka", "-h"]]) {
      assert.deepEqual(parseArguments(words, {}), { command: "help" });
    }
  });

  const refused = [
    { words: ["start"], sentence: /there is no command "start"/u },
    { words: ["up"], sentence: /up needs the name of a server/u },
    { words: ["up", "rabbit"], sentence: /there is no service "rabbit"; there are: kafka,/u },
    { words: ["logs"], sentence: /logs needs the name of one server/u },
    { words: ["logs", "kafka", "redis"], sentence: /logs needs the name of one server/u },
    { words: ["up", "kafka", "--quick"], sentence: /there is no option --quick/u },
    { words: ["up", "kafka", "--port-offset"], sentence: /--port-offset needs a number/u },
    { words: ["up", "kafka", "--port-offset", "-5"], sentence: /not "-5"/u },
    { words: ["logs", "kafka", "--lines", "1.5"], sentence: /not "1.5"/u },
  ];
  for (const { words, sentence } of refused) {
    it(`"${words.join(" ")}": refused with a sentence`, () => {
      assert.throws(
        () => parseArguments(words, {}),
        (error) => error instanceof ServiceProblem && sentence.test(error.message),
      );
    });
  }
});

describe("helpText", () => {
  it("names every server", () => {
    for (const { name } of DEFINITIONS) assert.match(helpText(), new RegExp(`^  ${name} `, "mu"));
  });
});
