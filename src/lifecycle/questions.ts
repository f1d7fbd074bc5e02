/**
 * Questions that the primary asks its workers, over the line that a process and its parent have.
 * What else is said there is left alone. It knows nothing of what is asked.
 */
import cluster from "node:cluster";
import type { EventEmitter } from "node:events";

import { WORKER_ASK_MS } from "../limits/watching.ts";

/** What each question is answered with; plain data, since it crosses a process. */
export type Answers<Shapes> = { readonly [Name in keyof Shapes]: () => Shapes[Name] };

type Message =
  | { readonly question: string }
  | { readonly answerTo: string; readonly answer: unknown };

/** A worker's end of the line: its `process`. */
interface ParentLine {
  on(event: "message", listener: (message: unknown) => void): unknown;
  send?(message: Message): unknown;
}

/** The primary's end of the line to one worker. */
export interface WorkerLine extends Pick<EventEmitter, "off"> {
  on(event: "message", listener: (message: unknown) => void): unknown;
  send(message: Message, onSent: () => void): unknown;
  isConnected(): boolean;
}

/** Answers the primary whenever it asks one of these. */
export function answerPrimary<Shapes>(line: ParentLine, answers: Answers<Shapes>): void {
  const known = new Map<string, () => unknown>(Object.entries(answers));
  line.on("message", (message) => {
    if (!isMessage(message) || !("question" in message)) return;
    const { question } = message;
    const answer = known.get(question);
    if (answer !== undefined) line.send?.({ answerTo: question, answer: answer() });
  });
}

/** The answers of all workers that give one in time. */
export async function askWorkers<Answer>(
  question: string,
  lines: readonly WorkerLine[] = workerLines(),
): Promise<readonly Answer[]> {
  const answers = await Promise.all(lines.map((line) => ask(line, question)));
  // Workers are this very program, and answer what `Answers` says they do.
  return answers.flatMap((said) => (said === null ? [] : [said.answer as Answer]));
}

function workerLines(): readonly WorkerLine[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

function ask(line: WorkerLine, question: string): Promise<{ readonly answer: unknown } | null> {
  return new Promise((resolve) => {
    const done = (said: { readonly answer: unknown } | null): void => {
      clearTimeout(timer);
      line.off("message", onMessage);
      resolve(said);
    };
    const timer = setTimeout(() => done(null), WORKER_ASK_MS);
    const onMessage = (message: unknown): void => {
      if (!isMessage(message) || !("answerTo" in message)) return;
      if (message.answerTo === question) done({ answer: message.answer });
    };
    line.on("message", onMessage);
    // A worker that is gone has no line any more.
    if (line.isConnected()) line.send({ question }, () => {});
    else done(null);
  });
}

/** One of ours, if it is: only our own processes share the line. */
function isMessage(message: unknown): message is Message {
  const isObject = typeof message === "object" && message !== null;
  return isObject && ("question" in message || "answerTo" in message);
}
