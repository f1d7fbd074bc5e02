/** A run of the oracle, for people: what was done, what came of it, a verdict per invariant. */
import type { Entry } from "./history.ts";
import { INVARIANTS } from "./judge.ts";
import type { Invariant, Judgement } from "./judge.ts";

const SINS_SHOWN_MAX = 5;
const NOTES_SHOWN_MAX = 40;

export interface ReportParts {
  readonly seed: number;
  readonly judgement: Judgement;
  readonly faults: ReadonlyMap<string, number>;
}

export function report({ seed, judgement, faults }: ReportParts): string {
  const { outcomes, sins } = judgement;
  const count = (list: Iterable<readonly [string, number]>) =>
    [...list].map(([name, number]) => `${name} ${number}`).join(", ");
  const { batches, batchesLost, records, doubles, doublesFlagged, probeMs } = judgement;
  const megabytes = Math.round(judgement.memoryBytesHighest / 1024 / 1024);
  const lines = [
    `seed ${seed}`,
    `events ${judgement.events}: ${count(Object.entries(outcomes))}`,
    `batches ${batches}, of which lost with their connection ${batchesLost}`,
    `records ${records}, doubles ${doubles}, flagged ${doublesFlagged}`,
    `faults: ${count(faults)}`,
    `memory of a gateway at most ${megabytes} MiB; first event after healing ${probeMs} ms`,
    "",
  ];
  for (const [name, promise] of Object.entries(INVARIANTS)) {
    const against = sins.filter(({ invariant }) => invariant === (name as Invariant));
    lines.push(`${name} ${against.length === 0 ? "holds " : "BROKEN"}  ${promise}`);
    for (const { what, id } of against.slice(0, SINS_SHOWN_MAX)) {
      lines.push(`     ${id === undefined ? "" : `${id}: `}${what}`);
    }
    const more = against.length - SINS_SHOWN_MAX;
    if (more > 0) lines.push(`     and ${more} more`);
  }
  return `${lines.join("\n")}\n`;
}

/** What the history has about an event and around it, for whoever looks for the reason. */
export function excerpt(entries: readonly Entry[], id: string): string {
  const about = entries.flatMap((entry, index) => {
    if (entry.kind === "sent") return entry.ids.includes(id) ? [index] : [];
    return "id" in entry && entry.id === id ? [index] : [];
  });
  const batches = new Set(
    about.flatMap((index) => {
      const entry = entries[index];
      return entry?.kind === "sent" ? [entry.batch] : [];
    }),
  );
  const sender = id.replace(/-\d+$/, "");
  const chosen = entries.filter((entry, index) => {
    if (about.includes(index)) return true;
    if (entry.kind === "ended") return batches.has(entry.batch);
    return (
      entry.kind === "note" &&
      (entry.text.startsWith(sender) || /^(fault|gateway)/.test(entry.text))
    );
  });
  const shown = chosen.length > 4 * NOTES_SHOWN_MAX ? chosen.slice(-4 * NOTES_SHOWN_MAX) : chosen;
  return shown
    .map((entry) =>
      JSON.stringify(
        entry.kind === "sent" ? { ...entry, ids: `${entry.ids[0]} … ${entry.ids.at(-1)}` } : entry,
      ),
    )
    .join("\n");
}
