/**
 * Loaded before a server whose idle memory is measured: collects garbage now and then, so that what
 * is left is held by somebody. Needs --expose-gc.
 */
const COLLECT_MS = 1_000;

setInterval(() => globalThis.gc?.(), COLLECT_MS).unref();
