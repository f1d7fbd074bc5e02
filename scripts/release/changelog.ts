/** CHANGELOG.md: what is new under "Unreleased" moves under a version. It knows text only. */

const HEADING = "## Unreleased\n";

interface Cut {
  readonly before: string;
  readonly notes: string;
  /** The versions that were released, the newest first. */
  readonly after: string;
}

function cut(changelog: string): Cut | null {
  const begin = changelog.indexOf(HEADING);
  if (begin === -1) return null;
  const notesBegin = begin + HEADING.length;
  const next = changelog.indexOf("\n## ", notesBegin);
  const end = next === -1 ? changelog.length : next + 1;
  return {
    before: changelog.slice(0, begin),
    notes: changelog.slice(notesBegin, end).trim(),
    after: changelog.slice(end),
  };
}

/** What is new, as it stands there; empty: nothing. Null: there is no such section. */
export function unreleasedNotes(changelog: string): string | null {
  return cut(changelog)?.notes ?? null;
}

/** The changelog with an empty section "Unreleased" and one of the version below it. */
export function releaseNotes(
  changelog: string,
  { version, day }: { readonly version: string; readonly day: string },
): string {
  const parts = cut(changelog);
  if (parts === null) return changelog;
  const { before, notes, after } = parts;
  const section = `## ${version} (${day})\n\n${notes}\n`;
  return `${before}${HEADING}\n${section}${after === "" ? "" : `\n${after}`}`;
}
