/** Types of k6.mjs, for scripts and tests written in TypeScript. */

/** What every call of k6 has in its environment. */
export const K6_ENVIRONMENT: Readonly<Record<string, string>>;

/**
 * The path of k6, version 2; it is built first where none is there.
 * @throws {Error} with one sentence when it cannot be had
 */
export function provideK6(options?: {
  readonly environment?: NodeJS.ProcessEnv;
  /** Where Go may be besides PATH. */
  readonly goFolder?: string;
  readonly progress?: (sentence: string) => void;
}): Promise<string>;
