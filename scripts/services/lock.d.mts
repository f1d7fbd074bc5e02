/** Types of lock.mjs, for tests written in TypeScript. */

/** Runs `work` while no other process of this machine holds the lock of that name. */
export function withLock<T>(name: string, work: () => T | Promise<T>): Promise<T>;
