/** Which charts a load test has, out of what its clients and its gateways were seen to do. */
import type { LoadScenario } from "../../loadtest/catalog.ts";
import type { ChartOptions } from "./chart.ts";
import type { Look } from "./gateway-watch.ts";
import type { Fault } from "./k6-run.ts";
import { count, milliseconds } from "./result.ts";
import type { Second } from "./series.ts";

const MEBIBYTE = 1024 * 1024;
/** More points than pixels help nobody: longer tests are drawn in steps. */
const POINTS_MAX = 600;

export interface DrawnParts {
  readonly scenario: LoadScenario;
  readonly seconds: readonly Second[];
  readonly looks: readonly Look[];
  readonly fault: Fault | null;
}

export function drawLoad(parts: DrawnParts): ChartOptions[] {
  const { seconds, looks, fault, scenario } = parts;
  const beginMs = seconds[0]?.atMs ?? looks[0]?.atMs ?? 0;
  const since = (atMs: number): number => Math.max(0, (atMs - beginMs) / 1_000);
  const band =
    fault === null || scenario.fault === null
      ? null
      : {
          fromS: since(fault.fromMs),
          untilS: since(fault.untilMs ?? fault.fromMs),
          name: scenario.fault.kind,
        };
  const ticks = thin(seconds);
  const seen = thin(looks.filter(({ atMs }) => atMs >= beginMs));
  return [
    ...clientCharts(ticks, { atS: ticks.map(({ atMs }) => since(atMs)), band }),
    ...gatewayCharts(seen, { atS: seen.map(({ atMs }) => since(atMs)), band }),
  ];
}

/** Every n-th of too many. */
function thin<Item>(items: readonly Item[]): readonly Item[] {
  const step = Math.ceil(items.length / POINTS_MAX);
  return step <= 1 ? items : items.filter((_, index) => index % step === 0);
}

type Frame = Pick<ChartOptions, "atS" | "band">;

function clientCharts(seconds: readonly Second[], frame: Frame): ChartOptions[] {
  const counted = (name: keyof Second["counts"], words: string) => ({
    name: words,
    values: seconds.map(({ counts }) => counts[name] ?? 0),
  });
  const quantile = (share: number, name: string) => ({
    name,
    values: seconds.map(({ latencies }) => latencies.quantile(share)),
  });
  return [
    {
      ...frame,
      title: "Events",
      unit: "per second, as the clients count them",
      lines: [
        counted("offered", "due"),
        counted("retried", "retry"),
        counted("stored", "stored"),
        counted("rejected", "rejected"),
      ],
      format: count,
    },
    {
      ...frame,
      title: "Time until an outcome",
      unit: "from the moment an event was due, by when it was settled",
      lines: [quantile(0.5, "p50"), quantile(0.99, "p99")],
      format: milliseconds,
    },
  ];
}

function gatewayCharts(looks: readonly Look[], frame: Frame): ChartOptions[] {
  const looked = (key: keyof Look, name: string, scale = 1) => ({
    name,
    values: looks.map((look) => look[key] / scale),
  });
  return [
    {
      ...frame,
      title: "In flight",
      unit: "events in the gateway without a verdict",
      lines: [looked("inflightEvents", "events")],
      format: count,
    },
    {
      ...frame,
      title: "Streams",
      unit: "held by the gateway",
      lines: [looked("streams", "streams")],
      format: count,
    },
    {
      ...frame,
      title: "CPU",
      unit: "cores of the gateway's process, and how busy its event loop is",
      lines: [{ name: "cores", values: coresOf(looks) }, looked("loopBusy", "event loop")],
      format: (value) => value.toFixed(2),
    },
    {
      ...frame,
      title: "Memory",
      unit: "of the gateway's process",
      lines: [
        looked("residentBytes", "resident", MEBIBYTE),
        looked("heapBytes", "V8's heap", MEBIBYTE),
      ],
      format: (value) => `${Math.round(value)} MiB`,
    },
    {
      ...frame,
      title: "Descriptors",
      unit: "open files and connections of the gateway's process",
      lines: [looked("descriptors", "open")],
      format: count,
    },
  ];
}

function coresOf(looks: readonly Look[]): (number | null)[] {
  return looks.map((look, index) => {
    const before = looks[index - 1];
    if (before === undefined) return null;
    return ((look.cpuSeconds - before.cpuSeconds) * 1_000) / (look.atMs - before.atMs);
  });
}
