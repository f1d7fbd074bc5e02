/**
 * The verdict over a test run. A run that tested less than it seems to has failed: a skipped test,
 * a test left to do, a file without a test, a server's suite that ran nothing.
 */
import type { LedgerLine } from "./ledger.ts";
import { servicesOf, type Service } from "./suites.ts";

export interface Run {
  /** Absolute paths of the test files that were to run. */
  readonly files: readonly string[];
  readonly lines: readonly LedgerLine[];
  /** Files that did not end and were ended. */
  readonly overdue?: readonly string[];
  /** The servers whose suites must have run. */
  readonly required: readonly Service[];
}

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What is wrong, a sentence each; none: the run is good. */
  readonly complaints: readonly string[];
}

export function judge({ files, lines, overdue = [], required }: Run): Verdict {
  // node:test reports a file in which it found no test as one test that has the file's name.
  const tests = lines.filter(({ name, file, outcome }) => name !== file || outcome === "failed");
  const count = (outcome: LedgerLine["outcome"]) =>
    tests.filter((line) => line.outcome === outcome).length;
  const shirked = tests.filter(({ outcome }) => outcome === "skipped" || outcome === "todo");
  const ran = new Set(tests.map(({ file }) => file));
  const met = new Set(files.filter((file) => ran.has(file)).flatMap((file) => servicesOf(file)));
  const broken = tests.filter(({ outcome }) => outcome === "failed");
  const complaints = [
    ...overdue.map((file) => `${file}: did not end and was ended.`),
    ...broken.map(({ name, file }) =>
      name === file ? `${file}: failed as a whole.` : `${file}: "${name}" failed.`,
    ),
    ...shirked.map(({ name, file, outcome }) => `${file}: "${name}" is ${outcome}.`),
    ...files.filter((file) => !ran.has(file)).map((file) => `${file}: ran no test.`),
    ...required.filter((service) => !met.has(service)).map((service) => `No ${service} test ran.`),
  ];
  const failed = broken.length;
  if (failed > 0) complaints.unshift(`${failed} failed.`);
  if (tests.length === 0) complaints.push("No test ran at all.");
  return { passed: count("passed"), failed, skipped: shirked.length, complaints };
}
