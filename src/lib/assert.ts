/**
 * Broken invariants, where node:assert cannot be: in what also runs in a browser. It knows nothing
 * of what is asserted.
 */

/** Something that cannot be is: a mistake in this program, not in its input. */
export class BrokenInvariantError extends Error {
  override readonly name = "BrokenInvariantError";
}

/** Throws a BrokenInvariantError unless `condition` holds; `message` says what should hold. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BrokenInvariantError(message);
}
