/** How an example ends: by Ctrl-C or SIGTERM, at any moment from its start on. */
import { once } from "node:events";

import { ServiceProblem } from "../../scripts/services/problem.mjs";

/**
 * Aborted by the first Ctrl-C or SIGTERM. Later ones change nothing: a terminal's Ctrl-C comes
 * twice, from the terminal and from `npm run`.
 */
function askedToEnd(): AbortSignal {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => abort.abort());
  return abort.signal;
}

/**
 * Runs an example until it has ended. To be asked to end while it starts is no failure; what keeps
 * it from starting is said in a sentence.
 */
export async function runExample(run: (ending: AbortSignal) => Promise<void>): Promise<void> {
  const ending = askedToEnd();
  try {
    await run(ending);
  } catch (error) {
    if (ending.aborted && error === ending.reason) return;
    if (!(error instanceof ServiceProblem)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** Resolves with the signal. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
