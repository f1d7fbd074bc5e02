/** docs/guarantees.md: each promise and each fault with the tests that hold it. */
import { INPUT_ROWS } from "./input-rows.ts";
import { FAULT_NOTES } from "./fault-notes.ts";
import { FAULT_ROWS, PROMISES } from "./promises.ts";
import type { NamedTest } from "./promises.ts";
import { allTitles } from "./test-titles.ts";

/** The text of the page. */
export function guaranteesPage(root: string): string {
  const titles = allTitles(root);
  const promises = PROMISES.map(
    ({ name, text, tests }) => `### ${name}\n${text}\n\n${tests.map(line).join("\n")}\n`,
  );
  const faults = FAULT_ROWS.map((fault, at) =>
    rowLine(at + 1, fault, {
      tests: testsOf(titles, `row ${at + 1}: `),
      note: FAULT_NOTES.get(at + 1),
    }),
  );
  const inputs = INPUT_ROWS.map((input, at) =>
    rowLine(at + 1, input, { tests: testsOf(titles, `input ${at + 1}: `) }),
  );
  const head = [HEAD, promises.join("\n"), FAULTS_HEAD, ...faults];
  return [...head, INPUTS_HEAD, ...inputs, ""].join("\n");
}

const HEAD = `# What is promised, and what holds it

Made from scripts/guarantees/promises.ts and the names of the tests (\`npm run generate\`).
\`npm test\` runs them all but those in \`.long.test.ts\` (\`npm run test:long\`).

## Promises

I1 to I10 are the invariants that no fault may break. The oracle (test/oracle/) holds most of
them at once: clients claim ids, gateways and brokers are killed and stopped and links are cut by a
seeded schedule, and a judge compares what was answered with what is in Kafka.
\`node test/oracle/run.ts --minutes N --seed S\` runs it for longer.
`;

const FAULTS_HEAD = `## Faults

| # | fault | held by |
| --- | --- | --- |`;

const INPUTS_HEAD = `
## Bad input
Each against a running gateway, mostly over raw sockets. After it a client beside the hostile one is
served, exactly what was sent soundly is stored, and no connection, event or byte is held any more
(test/beside.ts).

| # | input | held by |
| --- | --- | --- |`;

/** Tests named after a row of one of the matrices. */
function testsOf(
  titles: ReadonlyMap<string, readonly string[]>,
  prefix: string,
): readonly NamedTest[] {
  return [...titles].flatMap(([file, ofFile]) =>
    ofFile.filter((title) => title.startsWith(prefix)).map((title) => ({ file, title })),
  );
}

function rowLine(
  number: number,
  what: string,
  by: { readonly tests: readonly NamedTest[]; readonly note?: string | undefined },
): string {
  const held = [...by.tests.map(cell), ...(by.note === undefined ? [] : [by.note])];
  const text = held.length === 0 ? "not yet tested by name" : held.join("<br>");
  return `| ${number} | ${what} | ${text} |`;
}

function line({ file, title }: NamedTest): string {
  return `- ${title} ([${fileName(file)}](../${file}))`;
}

function cell({ file, title }: NamedTest): string {
  const text = title.replace(/^(?:row|input) \d+: /, "").replaceAll("|", "\\|");
  return `${text} ([${fileName(file)}](../${file}))`;
}

function fileName(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}
