/** The command line of `npm test`. */
import { parseArgs } from "node:util";

export const USAGE = `npm test [-- OPTIONS]

Checks the sources, starts real servers, runs the tests, stops what it started.

  --only TEXT     only test files whose path contains TEXT; no checks
  --no-services   only the suites that need no server; no real Kafka, Redis or registry is met
  --no-check      no type check, lint, format or dead-code check
  --long          the long suites (*.long.test.ts) instead of the others
  --help          this text

SLUICE_TEST_KAFKA (host:port), SLUICE_TEST_REDIS (redis://…) and SLUICE_TEST_REGISTRY (http://…)
point the tests at servers of your own; those are then not started.
SLUICE_TEST_K6 names a k6 of your own for the load test's suite.
SLUICE_TEST_SEED repeats random tests; SLUICE_TEST_FUZZ_MINUTES (10) is for the long fuzz suites.
`;

export interface TestRequest {
  readonly isHelp: boolean;
  readonly only: string | undefined;
  readonly isLong: boolean;
  readonly withServices: boolean;
  readonly withCheck: boolean;
}

/** Throws a TypeError with a sentence for words that are none of the options. */
export function parseTestArguments(words: readonly string[]): TestRequest {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: "boolean", default: false },
      only: { type: "string" },
      long: { type: "boolean", default: false },
      "no-services": { type: "boolean", default: false },
      "no-check": { type: "boolean", default: false },
    },
  });
  return {
    isHelp: values.help,
    only: values.only,
    isLong: values.long,
    withServices: !values["no-services"],
    withCheck: !values["no-check"] && values.only === undefined && !values.long,
  };
}
