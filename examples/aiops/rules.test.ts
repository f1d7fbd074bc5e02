/** Alerts begin and end by rules, and the same samples give the same alerts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { AlertRules } from "./rules.ts";

function run(values: readonly number[], metric = "cabinet.temperature") {
  const rules = new AlertRules();
  const alerts = values.map((value, index) =>
    rules.take({ tenant: "alpine", tower: "tower-1", metric, value, atMs: 1_000 * index }),
  );
  return { rules, alerts };
}

describe("AlertRules", () => {
  it("three samples over the threshold begin an alert, three below end it", () => {
    const { alerts, rules } = run([71, 72, 60, 71, 72, 73, 74, 60, 71, 60, 60, 60]);
    const said = alerts.map((alert) => alert?.status ?? "");
    assert.deepEqual(said, ["", "", "", "", "", "FIRING", "", "", "", "", "", "RESOLVED"]);
    assert.equal(alerts[5]?.fingerprint, alerts[11]?.fingerprint);
    assert.equal(alerts[11]?.startsAt, 5_000);
    assert.equal(alerts[11]?.endsAt, 11_000);
    assert.equal(rules.firing, 0);
  });

  it("the same samples give alerts of the same ids, others of others", () => {
    const [first, second] = [run([80, 80, 80]), run([80, 80, 80])];
    assert.equal(first.alerts[2]?.eventId, second.alerts[2]?.eventId);
    assert.match(
      first.alerts[2]?.eventId ?? "",
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    const { alerts } = run([80, 80, 80, 1, 1, 1]);
    assert.notEqual(alerts[2]?.eventId, alerts[5]?.eventId);
  });

  it("a metric without a rule is of no interest", () => {
    assert.deepEqual(run([1, 1, 1], "radio.users").alerts, [null, null, null]);
  });
});
