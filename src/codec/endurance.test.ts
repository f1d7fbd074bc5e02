import { test } from "node:test";
import { endure } from "./testing/endurance.ts";

test("row 30: memory of the module is level over 300 000 events, refused ones among them", () =>
  endure(300_000));
