/**
 * Looks at the gateways once a second while they are loaded: what they cost and what waits in them.
 * A look that fails is a gap, never an end.
 */

const LOOK_MS = 1_000;
const LOOK_DEADLINE_MS = 3_000;

/** Series that are summed over all gateways; those with labels over all labels. */
const SERIES = {
  cpuSeconds: "process_cpu_seconds_total",
  residentBytes: "process_resident_memory_bytes",
  /** V8's heap, and what it counts outside of it. */
  heapBytes: "nodejs_heap_size_used_bytes",
  externalBytes: "nodejs_external_memory_bytes",
  codecBytes: "sluice_codec_memory_bytes",
  descriptors: "process_open_fds",
  inflightEvents: "sluice_inflight_events",
  streams: "sluice_streams_held",
  loopBusy: "sluice_event_loop_utilization_ratio",
} as const;

export type Look = Readonly<Record<keyof typeof SERIES, number>> & {
  /** ms since 1970. */
  readonly atMs: number;
};

export class GatewayWatch {
  readonly looks: Look[] = [];
  readonly #adminUrls: readonly string[];
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  constructor(adminUrls: readonly string[]) {
    this.#adminUrls = adminUrls;
    this.#timer = setInterval(() => {
      if (!this.#isLooking) void this.#look();
    }, LOOK_MS);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#adminUrls.length === 0) return;
    this.#isLooking = true;
    try {
      const pages = await Promise.all(this.#adminUrls.map(readPage));
      this.looks.push(readLook(pages.join("\n"), Date.now()));
    } catch {
      // Overloaded, or gone for a moment: the chart has a gap there.
    } finally {
      this.#isLooking = false;
    }
  }
}

async function readPage(adminUrl: string): Promise<string> {
  const answer = await fetch(`${adminUrl}/metrics`, {
    signal: AbortSignal.timeout(LOOK_DEADLINE_MS),
  });
  return await answer.text();
}

export function readLook(page: string, atMs: number): Look {
  const sum = (series: string): number => {
    const lines = page.matchAll(new RegExp(`^${series}(?:\\{[^}]*\\})? (\\S+)`, "gm"));
    return [...lines].reduce((total, [, value]) => total + Number(value), 0);
  };
  const sums = Object.entries(SERIES).map(([name, series]) => [name, sum(series)]);
  // One number for each name of the table.
  return { ...(Object.fromEntries(sums) as Omit<Look, "atMs">), atMs };
}
