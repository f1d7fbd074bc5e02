/**
 * What `npm audit --json` said → which holes are known, or that nobody was able to say: an answer
 * that is none must never look like a good one. Pure: text in, finding out.
 */

export type Holes =
  | { readonly kind: "none"; readonly packages: number }
  | { readonly kind: "known"; readonly lines: readonly string[] }
  | { readonly kind: "unchecked"; readonly reason: string };

interface Advice {
  readonly severity?: string;
  readonly range?: string;
  readonly fixAvailable?: unknown;
}

const REASON_LENGTH_MAX = 300;

/** `output`: what the command wrote on its standard output and, behind it, on standard error. */
export function knownHoles(output: { readonly out: string; readonly error: string }): Holes {
  const report = parsed(output.out);
  const { vulnerabilities, metadata } = report ?? {};
  const packages = numberAt(metadata, ["dependencies", "total"]);
  if (typeof vulnerabilities !== "object" || vulnerabilities === null || packages === null) {
    return { kind: "unchecked", reason: reasonOf(report, output.error) };
  }
  const lines = Object.entries(vulnerabilities as Readonly<Record<string, Advice>>).map(
    ([name, { severity = "unknown", range = "", fixAvailable }]) =>
      `${name} ${range}: ${severity}${fixAvailable === false ? ", no fix yet" : ""}`,
  );
  return lines.length === 0 ? { kind: "none", packages } : { kind: "known", lines };
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? (value as Readonly<Record<string, unknown>> | null) : null;
  } catch {
    return null;
  }
}

function numberAt(value: unknown, path: readonly string[]): number | null {
  let found: unknown = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null) return null;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return typeof found === "number" ? found : null;
}

/** npm has said why in one of several places; the first that is there. */
function reasonOf(report: Readonly<Record<string, unknown>> | null, error: string): string {
  const { message } = report ?? {};
  const told = /npm (?:warn|error|ERR!) (?:audit )?(.*\d{3} .*|audit endpoint.*)/.exec(error)?.[1];
  const reason = typeof message === "string" ? message : (told ?? "npm audit gave no report");
  return reason.slice(0, REASON_LENGTH_MAX);
}
