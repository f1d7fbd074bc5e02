/**
 * How far a replay is, in a file of the operator's: what it was asked, and by partition where it
 * goes on and where it ends. Without a file nothing is remembered.
 */
import { readFile, rename, writeFile } from "node:fs/promises";

import { CommandError, UsageError } from "./command.ts";
import type { Range } from "./record-range.ts";

interface StoredState {
  readonly topic: string;
  readonly question: string;
  readonly id: string;
  readonly next: Readonly<Record<string, number>>;
  readonly ends: Readonly<Record<string, number>>;
}

interface Asked {
  readonly topic: string;
  /** Another question has another range. */
  readonly question: string;
}

export class ReplayState {
  readonly #path: string | undefined;
  readonly #asked: Asked;
  readonly #stored: StoredState | undefined;

  private constructor(path: string | undefined, asked: Asked, stored: StoredState | undefined) {
    this.#path = path;
    this.#asked = asked;
    this.#stored = stored;
  }

  /** Throws UsageError where the file is that of another replay, CommandError if it is none. */
  static async open(path: string | undefined, asked: Asked): Promise<ReplayState> {
    const stored = path === undefined ? undefined : await read(path);
    if (stored !== undefined) {
      const isSame = stored.topic === asked.topic && stored.question === asked.question;
      if (!isSame) throw new UsageError(`${path} is the state of another replay.`);
    }
    return new ReplayState(path, asked, stored);
  }

  get isKept(): boolean {
    return this.#path !== undefined;
  }

  get id(): string | undefined {
    return this.#stored?.id;
  }

  /** Where it was, if it was. */
  get range(): Range | undefined {
    const stored = this.#stored;
    if (stored === undefined) return undefined;
    return { next: mapOf(stored.next), ends: mapOf(stored.ends) };
  }

  /** Is in the file when it resolves. */
  async save(id: string, { next, ends }: Range): Promise<void> {
    if (this.#path === undefined) return;
    const members = { next: Object.fromEntries(next), ends: Object.fromEntries(ends) };
    const stored: StoredState = { ...this.#asked, id, ...members };
    await writeFile(`${this.#path}.part`, `${JSON.stringify(stored)}\n`);
    await rename(`${this.#path}.part`, this.#path);
  }
}

async function read(path: string): Promise<StoredState | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new CommandError(`${path} cannot be read.`);
  }
  try {
    const value = JSON.parse(text) as Partial<StoredState> | null;
    const { topic, question, id, next, ends } = value ?? {};
    const areTexts = [topic, question, id].every((each) => typeof each === "string");
    if (areTexts && next !== undefined && ends !== undefined) return value as StoredState;
  } catch {
    // Said below.
  }
  throw new CommandError(`${path} is no state of a replay.`);
}

function mapOf(members: Readonly<Record<string, number>>): Map<number, number> {
  return new Map(Object.entries(members).map(([partition, offset]) => [Number(partition), offset]));
}
