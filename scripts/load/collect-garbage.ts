/**
 * Loaded before a gateway whose memory is judged: collects garbage now and then, so that what rises
 * for long is held by somebody. Needs --expose-gc.
 */
const COLLECT_MS = 10_000;

setInterval(() => globalThis.gc?.(), COLLECT_MS).unref();
