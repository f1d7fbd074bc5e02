/**
 * Programs whose header comment says what they do and how they are called: `--help` prints it. It
 * knows no program.
 */
import { readFileSync } from "node:fs";

/** The text of a file's header comment, as it is read. */
export function headerOf(file: string): string {
  const [, comment = ""] = /^\/\*\*(.*?)\*\//su.exec(readFileSync(file, "utf8")) ?? [];
  return comment.replaceAll(/^ ?\* ?/gmu, "").trim();
}

/** Ends the program with what its header says, if its words ask for that. */
export function helpIfAsked(file: string, words: readonly string[] = process.argv.slice(2)): void {
  if (!words.includes("--help")) return;
  process.stdout.write(`${headerOf(file)}\n`);
  process.exit(0);
}
