/**
 * `sluice sessions erase`: has a running gateway erase what it keeps of a person's sessions. The
 * gateway checks the key, and notes who has asked.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { CommandError, EXIT, type ExitCode, type Invocation, UsageError } from "./command.ts";
import { Output } from "./io.ts";
import { findGateway, settings } from "./places.ts";

const REQUEST_TIMEOUT_MS = 30_000;
/** A gateway that asks for patience is asked so often. */
const ATTEMPTS = 5;

interface Answer {
  readonly erased?: number;
  readonly detail?: string;
}

export async function eraseSessions(invocation: Invocation): Promise<ExitCode> {
  const { operands, options, io } = invocation;
  const [key = ""] = operands;
  const secretKey = readKey(options.get("key-file"));
  const url = findGateway(settings(invocation), options.get("url")).replace(/\/+$/, "");
  const path = `${url}/v1/sessions/${encodeURIComponent(key)}`;
  const request = { path, secretKey, signal: io.signal };
  for (let attempt = 1; ; attempt += 1) {
    const { status, answer, waitMs } = await ask(request);
    if (status === 200) {
      await new Output(io.stdout).write(`${JSON.stringify(answer)}\n`);
      return EXIT.good;
    }
    if (waitMs === 0 || attempt === ATTEMPTS) {
      throw new CommandError(`${url} answered ${status}: ${answer.detail ?? ""}.`);
    }
    await delay(waitMs, undefined, { signal: io.signal });
  }
}

/** A key on the command line would stand in the list of processes. */
function readKey(file: string | undefined): string {
  if (file === undefined) {
    throw new UsageError("--key-file names a file with a key that has the scope sessions:erase.");
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`The key cannot be read (${reason}).`);
  }
}

async function ask(request: {
  readonly path: string;
  readonly secretKey: string;
  readonly signal: AbortSignal;
}): Promise<{ readonly status: number; readonly answer: Answer; readonly waitMs: number }> {
  const { path, secretKey } = request;
  const headers = { authorization: `Bearer ${secretKey}` };
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
  try {
    const response = await fetch(path, { method: "DELETE", headers, signal });
    const waitMs = 1_000 * Number(response.headers.get("retry-after") ?? 0);
    return { status: response.status, answer: (await response.json()) as Answer, waitMs };
  } catch (error) {
    if (request.signal.aborted) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`No gateway answers at ${new URL(path).origin} (${reason}).`);
  }
}
