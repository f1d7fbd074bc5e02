import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { knownHoles } from "./holes.ts";

const report = (vulnerabilities: object) =>
  JSON.stringify({ vulnerabilities, metadata: { dependencies: { total: 141 } } });

describe("knownHoles", () => {
  it("none, with how much was looked at", () => {
    const holes = knownHoles({ out: report({}), error: "" });
    assert.deepEqual(holes, { kind: "none", packages: 141 });
  });

  it("each with its package", () => {
    const out = report({
      ws: { severity: "high", range: "<8.17.1", fixAvailable: true },
      qs: { severity: "low", range: "*", fixAvailable: false },
    });
    assert.deepEqual(knownHoles({ out, error: "" }), {
      kind: "known",
      lines: ["ws <8.17.1: high", "qs *: low, no fix yet"],
    });
  });

  it("a registry that does not answer is no good news", () => {
    const message = "405 Method Not Allowed - POST https://registry.example/bulk";
    const error = `npm warn audit ${message}\nnpm error audit endpoint returned an error\n`;
    const answers = [
      { out: "", error },
      { out: "\n", error },
      { out: JSON.stringify({ message }), error: "" },
      { out: '{"vulnerabilities":{}}', error: "" },
      { out: "null", error: "" },
    ];
    for (const answer of answers) assert.equal(knownHoles(answer).kind, "unchecked");
    const [first] = answers.map((answer) => knownHoles(answer));
    assert.deepEqual(first, { kind: "unchecked", reason: message });
  });
});
