// @ts-check
/**
 * Loaded into every test process: ends it when its work and its reports are done, without Node's
 * own clean-up of the environment, which may wait for ever for the Kafka client's native parts.
 */

/** @type {(code: number) => void} */
const leave = (code) => {
  // What process.exit() ends with; types do not know it.
  /** @type {{ reallyExit: (code: number) => never }} */ (
    /** @type {unknown} */ (process)
  ).reallyExit(code);
};

process.on("beforeExit", () => {
  // After all others: the test runner has listeners of its own.
  process.off("exit", leave);
  process.on("exit", leave);
});
