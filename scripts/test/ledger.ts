/**
 * A reporter for node:test that writes down what happened to each test, one JSON line each. The
 * verdict over a run (verdict.ts) is spoken from these lines, not from what a person reads.
 */
import type { TestEvent } from "node:test/reporters";

export type TestOutcome = "passed" | "failed" | "skipped" | "todo";

export interface LedgerLine {
  readonly name: string;
  /** Absolute path of the test file. */
  readonly file: string;
  readonly outcome: TestOutcome;
}

export default async function* ledger(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { name, file = "", details, skip, todo } = event.data;
    if (details.type === "suite") continue;
    const line: LedgerLine = { name, file, outcome: outcomeOf(event.type, { skip, todo }) };
    yield `${JSON.stringify(line)}\n`;
  }
}

function outcomeOf(
  type: "test:pass" | "test:fail",
  { skip, todo }: { skip: string | boolean | undefined; todo: string | boolean | undefined },
): TestOutcome {
  if (skip !== undefined && skip !== false) return "skipped";
  if (todo !== undefined && todo !== false) return "todo";
  return type === "test:pass" ? "passed" : "failed";
}
