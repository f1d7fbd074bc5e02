/**
 * The members of what JSON.parse made, each of unknown type; none for what is no object. An array's
 * are its items by number.
 */
export function jsonMembers(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null) return {};
  const entries: [string, unknown][] = Object.entries(json);
  return Object.fromEntries(entries);
}
