/** What a check of `sluice doctor` found, and how findings are printed. Knows no check. */
import { styleText } from "node:util";

/** `unchecked`: it could not be seen from here; that is said, and counts for nothing. */
export type Status = "ok" | "warning" | "failed" | "unchecked";

export interface Finding {
  /** What was looked at: "kafka", "topic order-events". */
  readonly check: string;
  readonly status: Status;
  /** A phrase. */
  readonly text: string;
  /** What to do about it: a sentence. */
  readonly mend?: string;
  /** What to type. */
  readonly command?: string;
}

const STYLE = { ok: "green", warning: "yellow", failed: "red", unchecked: "gray" } as const;
const STATUS_COLUMNS = 10;
const CHECK_COLUMNS_MAX = 36;

/** How often each status occurs. */
export function countFindings(findings: readonly Finding[]): Readonly<Record<Status, number>> {
  const counts = { ok: 0, warning: 0, failed: 0, unchecked: 0 };
  for (const { status } of findings) counts[status] += 1;
  return counts;
}

/** Advice that holds for several findings in a row is given once, below the last. */
export function findingsText(findings: readonly Finding[], colour: boolean): string {
  const width = Math.min(CHECK_COLUMNS_MAX, Math.max(...findings.map(({ check }) => check.length)));
  const margin = " ".repeat(STATUS_COLUMNS);
  const lines = findings.flatMap(({ check, status, text, mend, command }, index) => {
    const next = findings[index + 1];
    const isRepeated = next?.mend === mend && next?.command === command;
    const word = status.padEnd(STATUS_COLUMNS);
    const painted = colour ? styleText(STYLE[status], word, { validateStream: false }) : word;
    return [
      `${painted}${check.padEnd(width)}  ${text}`,
      ...(mend === undefined || isRepeated ? [] : [`${margin}mend: ${mend}`]),
      ...(command === undefined || isRepeated ? [] : [`${margin}$ ${command}`]),
    ];
  });
  const counts = countFindings(findings);
  const summary = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
  return [...lines, summary.join(", "), ""].join("\n");
}

/** One line of JSON: {ok,counts,checks}. */
export function findingsJson(findings: readonly Finding[]): string {
  const counts = countFindings(findings);
  return `${JSON.stringify({ ok: counts.failed === 0, counts, checks: findings })}\n`;
}
