/**
 * The answer of an HTTP request whose body could be read (docs/protocol.md §1): counts of what went
 * well, a line for each event that did not. Pure: a batch in, text out.
 */
import { OUTCOME_CODES, OUTCOME_RULES } from "../errors.ts";
import type { Fault, OutcomeCode } from "../errors.ts";
import { VERDICT } from "../records.ts";

/** The verdicts of one batch, by row. */
export interface Verdicts {
  readonly count: number;
  readonly verdicts: ArrayLike<number>;
  readonly codes: Uint8Array;
  readonly ids: { text(row: number): string } | null;
  retryDetail(row: number): string;
  readonly rejections: ReadonlyMap<
    number,
    { readonly id: string; readonly fault: Fault; readonly faults?: readonly Fault[] }
  >;
}

export interface HttpResult {
  /** 200, or 503/429 when no event got a final outcome. */
  readonly status: number;
  readonly body: ResultBody;
  /** Seconds for `Retry-After`, 0 for none. */
  readonly retryAfterSeconds: number;
  /** The code most in need of waiting, where events are to be sent again. */
  readonly retryCode: OutcomeCode | null;
}

export interface ResultBody {
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: readonly object[];
  readonly retry: readonly object[];
}

/** The outcome code behind a number of `Batch.codes`; `internal` for a number that is none. */
export function outcomeCode(number: number): OutcomeCode {
  const code = OUTCOME_CODES[number];
  return code === undefined || code === "none" ? "internal" : code;
}

/** What to answer for a settled batch. An empty batch is a success. */
export function httpResult(batch: Verdicts): HttpResult {
  let stored = 0;
  let duplicate = 0;
  const rejected: object[] = [];
  const retry: object[] = [];
  let retryCode: OutcomeCode | null = null;
  for (let row = 0; row < batch.count; row += 1) {
    const verdict = batch.verdicts[row];
    if (verdict === VERDICT.stored) stored += 1;
    else if (verdict === VERDICT.duplicate) duplicate += 1;
    else if (verdict === VERDICT.rejected) rejected.push(rejectedLine(batch, row));
    else {
      const code = outcomeCode(batch.codes[row] ?? 0);
      retryCode = longerWait(retryCode, code);
      const detail = batch.retryDetail(row);
      retry.push({ index: row, ...idMember(batch.ids?.text(row)), code, detail });
    }
  }
  const final = stored + duplicate + rejected.length;
  const status = retryCode === null || final > 0 ? 200 : OUTCOME_RULES[retryCode].status;
  const afterMs = retryCode === null ? 0 : OUTCOME_RULES[retryCode].afterMs;
  const retryAfterSeconds = retryCode === null ? 0 : Math.max(1, Math.ceil(afterMs / 1_000));
  return { status, body: { stored, duplicate, rejected, retry }, retryAfterSeconds, retryCode };
}

function rejectedLine(batch: Verdicts, row: number): object {
  const rejection = batch.rejections.get(row);
  const fault = rejection?.fault ?? { code: outcomeCode(batch.codes[row] ?? 0), detail: "" };
  const more = rejection?.faults === undefined ? {} : { faults: rejection.faults };
  return { index: row, ...idMember(rejection?.id), ...fault, ...more };
}

function idMember(id: string | undefined): { readonly id?: string } {
  return id === undefined || id === "" ? {} : { id };
}

function longerWait(left: OutcomeCode | null, right: OutcomeCode): OutcomeCode {
  if (left === null) return right;
  return OUTCOME_RULES[right].afterMs > OUTCOME_RULES[left].afterMs ? right : left;
}
