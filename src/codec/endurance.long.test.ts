import { test } from "node:test";
import { endure } from "./testing/endurance.ts";

test("row 30: memory of the module is level over 10 million events", () => endure(10_000_000));
