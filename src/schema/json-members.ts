/** The members of what JSON.parse made, each of unknown type; none for what is no object. */
export function jsonMembers(json: unknown): Readonly<Record<string, unknown>> {
  return isObject(json) ? json : {};
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
