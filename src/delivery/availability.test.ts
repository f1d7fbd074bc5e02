import assert from "node:assert/strict";
import { it } from "node:test";

import { Availability, type Facts } from "./availability.ts";
import type { DeliveryState } from "./delivery.ts";

const QUIET: Omit<Facts, "nowMs"> = {
  outSinceMs: [],
  lanes: 2,
  lanesDown: 0,
  circuitOpen: false,
};

function watched(): { availability: Availability; states: DeliveryState[] } {
  const states: DeliveryState[] = [];
  const onState = (state: DeliveryState): void => {
    states.push(state);
  };
  return { availability: new Availability({ stallMs: 1_000, onState }), states };
}

it("Availability is starting until the first connection", () => {
  const { availability, states } = watched();
  availability.judge({ ...QUIET, nowMs: 0 });
  assert.equal(availability.state, "starting");
  availability.connected();
  availability.judge({ ...QUIET, nowMs: 1 });
  assert.deepEqual(states, ["ready"]);
});

it("Availability after a stall: a new commit is no proof, a stored record is", () => {
  const { availability, states } = watched();
  availability.connected();
  availability.judge({ ...QUIET, nowMs: 0 });
  availability.judge({ ...QUIET, nowMs: 2_000, outSinceMs: [900] });
  availability.judge({ ...QUIET, nowMs: 2_100, outSinceMs: [2_050] });
  availability.answered(true);
  availability.judge({ ...QUIET, nowMs: 2_200, outSinceMs: [2_050] });
  assert.equal(availability.state, "unavailable");
  availability.stored(2_300);
  availability.judge({ ...QUIET, nowMs: 2_300 });
  assert.deepEqual(states, ["ready", "unavailable", "ready"]);
});

it("Availability: one lane that stalls is no outage as long as another stores", () => {
  const { availability, states } = watched();
  availability.connected();
  for (let nowMs = 0; nowMs < 10_000; nowMs += 500) {
    availability.stored(nowMs);
    availability.judge({ ...QUIET, nowMs, outSinceMs: [0] });
  }
  assert.deepEqual(states, ["ready"]);
});

it("Availability: one unanswered question is nothing, two are an outage that an answer ends", () => {
  const { availability, states } = watched();
  availability.connected();
  availability.answered(false);
  availability.judge({ ...QUIET, nowMs: 0 });
  availability.answered(false);
  availability.judge({ ...QUIET, nowMs: 1 });
  availability.answered(true);
  availability.judge({ ...QUIET, nowMs: 2 });
  assert.deepEqual(states, ["ready", "unavailable", "ready"]);
});

it("Availability: without producers, or with the circuit open, it is unavailable; stopped is final", () => {
  const { availability, states } = watched();
  availability.connected();
  availability.judge({ ...QUIET, nowMs: 0, lanesDown: 2 });
  availability.connected();
  availability.judge({ ...QUIET, nowMs: 1, lanesDown: 1 });
  availability.judge({ ...QUIET, nowMs: 2, circuitOpen: true });
  availability.stopped();
  availability.judge({ ...QUIET, nowMs: 3 });
  assert.deepEqual(states, ["unavailable", "ready", "unavailable", "stopped"]);
});
