/** How an example ends: by Ctrl-C or SIGTERM, at any moment from its start on. */
import { once } from "node:events";

/**
 * Aborted by the first Ctrl-C or SIGTERM. Later ones change nothing: a terminal's Ctrl-C comes
 * twice, from the terminal and from `npm run`.
 */
function askedToEnd(): AbortSignal {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => abort.abort());
  return abort.signal;
}

/** Runs an example until it has ended. To be asked to end while it starts is no failure. */
export async function runExample(run: (ending: AbortSignal) => Promise<void>): Promise<void> {
  const ending = askedToEnd();
  try {
    await run(ending);
  } catch (error) {
    if (!ending.aborted || error !== ending.reason) throw error;
  }
}

/** Resolves with the signal. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
