/**
 * Ends private servers whose owner died without a word (a signal, a crash, a time limit of somebody
 * else). One process guards what its owner started: it is told of each directory through a pipe
 * that the kernel closes with the owner, however that ends. It knows no server.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./guard-process.mjs", import.meta.url));

let guard;

/**
 * From now on this directory's processes end with this process.
 * @param {{ isDirectoryKept: boolean }} options whether the directory outlives them
 */
export function guardDirectory(directory, { isDirectoryKept }) {
  tell({ directory, isDirectoryKept, isGuarded: true });
}

/** This directory's processes have been ended. */
export function releaseDirectory(directory) {
  tell({ directory, isGuarded: false });
}

function tell(word) {
  guard ??= startGuard();
  guard.stdin.write(`${JSON.stringify(word)}\n`);
}

/** In a session of its own: what ends a whole group or a terminal does not end it. */
function startGuard() {
  const child = spawn(process.execPath, [PROGRAM], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Whoever ended the guard is not to end its owner with it; the next start of any instance sweeps.
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  child.stdin.unref();
  return child;
}
