/** The other end of guard.mjs's pipe: when it closes, what is still guarded is ended. */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

import { killProcess } from "./processes.mjs";
import { processesOf } from "./supervisor.mjs";

/** @type {Map<string, { isDirectoryKept: boolean }>} by directory */
const guarded = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const { directory, isDirectoryKept, isGuarded } = JSON.parse(line);
  if (isGuarded) guarded.set(directory, { isDirectoryKept });
  else guarded.delete(directory);
}
for (const [directory, { isDirectoryKept }] of guarded) {
  await Promise.all(processesOf(directory).map(killProcess));
  if (!isDirectoryKept) rmSync(directory, { recursive: true, force: true });
}
