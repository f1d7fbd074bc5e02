/**
 * What a load test is told from outside: the one reader of k6's environment. README.md lists the
 * variables.
 */
import { scenarioOf } from "../catalog.ts";
import type { Changes, LoadScenario, ScenarioName } from "../catalog.ts";

export interface Settings {
  readonly name: ScenarioName;
  readonly scenario: LoadScenario;
  /** http://host:port, without a slash at its end. */
  readonly url: string;
  readonly streamUrl: string;
  /** Of every gateway behind `url`; none: the ledger is not read. */
  readonly adminUrls: readonly string[];
  /** Others send to the gateway as well. */
  readonly isShared: boolean;
  readonly key: string | null;
  readonly pack: string;
  /** Where the summary is written as JSON; null: only shown. */
  readonly summaryFile: string | null;
}

export function readSettings(name: ScenarioName): Settings {
  const url = variable("LOAD_URL", "http://127.0.0.1:8080").replace(/\/$/, "");
  const adminUrls = variable("LOAD_ADMIN_URL", "")
    .split(",")
    .filter((each) => each !== "");
  return {
    name,
    scenario: scenarioOf(name, readChanges()),
    url,
    streamUrl: `${url.replace(/^http/, "ws")}/v1/stream`,
    adminUrls,
    isShared: variable("LOAD_SHARED", "") === "true",
    key: variable("LOAD_KEY", "") || null,
    pack: variable("LOAD_PACK", "behaviour"),
    summaryFile: variable("LOAD_SUMMARY", "") || null,
  };
}

function readChanges(): Changes {
  const numbers = {
    durationS: number("LOAD_DURATION_S"),
    streams: number("LOAD_STREAMS"),
    batchesPerS: number("LOAD_BATCHES_PER_S"),
    scale: number("LOAD_SCALE"),
    ackP99Ms: number("LOAD_ACK_P99_MS"),
  };
  return Object.fromEntries(
    Object.entries(numbers).filter(([, value]) => value !== undefined),
  ) as Changes;
}

function number(name: string): number | undefined {
  const text = variable(name, "");
  if (text === "") return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`${name} is no number: ${text}`);
}

function variable(name: string, otherwise: string): string {
  return __ENV[name] ?? otherwise;
}
