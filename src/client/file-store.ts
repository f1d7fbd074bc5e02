/**
 * A store of Node.js: one journal of JSON lines that only grows, and is written anew when most of
 * it is past. A second file beside it names the process that has it; a queue of a process that
 * ended is taken over, one of a process that lives is refused. What a crash of the process leaves
 * half written is left out; what a crash of the machine has not written is lost with it.
 */
import { appendFile, readFile, rename, rm, writeFile } from "node:fs/promises";

import type { SavedEvent, Store, StreamRecord } from "./types.ts";

type Line =
  | { readonly k: number; readonly id: string; readonly json: string }
  | { readonly gone: readonly number[]; readonly record: StreamRecord };

/** Lines of the journal that are past before it is written anew. */
const PAST_LINES_MAX = 1_000;

class Journal {
  readonly events = new Map<number, SavedEvent>();
  record: StreamRecord | undefined;
  last = 0;
  readonly #path: string;
  #lines = 0;
  /** The end of the file may be half a line. */
  #isTorn = false;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch(absent);
    const lines = text.split("\n");
    this.#isTorn = lines.pop() !== "";
    for (const line of lines) this.#apply(line);
  }

  #apply(text: string): void {
    this.#lines += 1;
    let line: Line;
    try {
      // Only this file writes the journal.
      line = JSON.parse(text) as Line;
    } catch {
      return;
    }
    if ("k" in line) {
      this.events.set(line.k, { id: line.id, json: line.json });
      this.last = Math.max(this.last, line.k);
      return;
    }
    for (const key of line.gone) this.events.delete(key);
    this.record = line.record;
    this.last = Math.max(this.last, line.record.last);
  }

  async append(lines: readonly Line[]): Promise<void> {
    const texts = lines.map((line) => JSON.stringify(line));
    const start = this.#isTorn ? "\n" : "";
    this.#isTorn = true;
    await appendFile(this.#path, `${start}${texts.join("\n")}\n`, { mode: 0o600 });
    this.#isTorn = false;
    for (const text of texts) this.#apply(text);
    if (this.#lines - this.events.size > PAST_LINES_MAX + this.events.size) await this.#compact();
  }

  async #compact(): Promise<void> {
    const { record } = this;
    const lines: Line[] = [...this.events].map(([k, { id, json }]) => ({ k, id, json }));
    if (record !== undefined) lines.push({ gone: [], record });
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
    this.#lines = lines.length;
  }
}

/** @param path of a file that belongs to this queue alone; its folder must be there */
export function fileStore(path: string): Store {
  const owner = `${path}.owner`;
  let opened: Promise<Journal> | undefined;
  let work: Promise<unknown> = Promise.resolve();
  const open = async (): Promise<Journal> => {
    await takeOver(owner);
    const journal = new Journal(path);
    await journal.read();
    return journal;
  };
  const withJournal = <T>(action: (journal: Journal) => T | Promise<T>): Promise<T> => {
    opened ??= open();
    const done = Promise.all([opened, work]).then(([journal]) => action(journal));
    work = done.catch(() => {});
    return done;
  };
  return {
    durable: true,
    lock: () => withJournal(() => () => {}),
    load: (after) =>
      withJournal(({ events, record }) => {
        return { record, events: [...events].filter(([key]) => key > after) };
      }),
    add: (events) =>
      withJournal(async (journal) => {
        const lines = events.map(({ id, json }, index) => ({
          k: journal.last + 1 + index,
          id,
          json,
        }));
        await journal.append(lines);
        return lines.map(({ k }) => k);
      }),
    settle: (gone, record) => withJournal((journal) => journal.append([{ gone, record }])),
    close: () => {
      if (opened !== undefined) void withJournal(() => rm(owner, { force: true }));
    },
  };
}

async function takeOver(owner: string): Promise<void> {
  for (;;) {
    try {
      await writeFile(owner, String(process.pid), { flag: "wx", mode: 0o600 });
      return;
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    const pid = Number(await readFile(owner, "utf8").catch(absent));
    if (pid !== process.pid && isAlive(pid)) {
      throw new Error(`the queue belongs to process ${pid}: see ${owner}`);
    }
    await rm(owner, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

function absent(error: unknown): string {
  if (isCode(error, "ENOENT")) return "";
  throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
