/** What V8 says of a text: the second opinion on what is JSON. It knows nothing of schemas. */

/** Sound: strict UTF-8, JSON, no lone surrogates in it, not even in repeated members. */
export function judgeSoundness(text: Uint8Array): "sound" | "unsound" {
  try {
    const decoded = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
    let isWellFormed = true;
    JSON.parse(decoded, (key: string, value: unknown) => {
      isWellFormed &&= key.isWellFormed() && (typeof value !== "string" || value.isWellFormed());
      return value;
    });
    // The reviver sees only the last of repeated members: look at the escapes themselves too.
    return isWellFormed && !hasLoneEscape(decoded) ? "sound" : "unsound";
  } catch {
    return "unsound";
  }
}

function hasLoneEscape(text: string): boolean {
  for (const [string] of text.matchAll(/"(?:[^"\\]|\\.)*"/g)) {
    const value: unknown = JSON.parse(string);
    if (typeof value === "string" && !value.isWellFormed()) return true;
  }
  return false;
}
