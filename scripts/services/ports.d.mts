/** Types of ports.mjs, for tests written in TypeScript. */

/** Free ports for these purposes, held against other callers until `free` or the process's end. */
export function reservePorts(purposes: readonly string[]): Promise<{
  readonly ports: Readonly<Record<string, number>>;
  readonly free: () => Promise<void>;
}>;
