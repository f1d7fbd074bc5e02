/** Runs a command as a shell would, with streams in memory. For tests. */
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";

import type { Environment, ExitCode } from "../command.ts";
import { runCli } from "../run.ts";

export interface CommandRun {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Environment;
  readonly stdin?: string | Uint8Array | Readable;
  readonly signal?: AbortSignal;
  /** Gets the running command's standard output as it comes. */
  readonly onStdout?: (chunk: string) => void;
}

/** The lines of an output as objects; numbers beyond 2^53 are rounded by this. */
export function jsonLines(output: string): Array<Readonly<Record<string, unknown>>> {
  return (
    output
      .trimEnd()
      .split("\n")
      // What is not an object fails where its members are looked at.
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  );
}

export async function runCommand(
  argv: readonly string[],
  options: RunOptions = {},
): Promise<CommandRun> {
  const { stdin = "" } = options;
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  stdout.on("data", (chunk: Buffer) => options.onStdout?.(chunk.toString("utf8")));
  const written = [text(stdout), text(stderr)] as const;
  const code = await runCli(argv, options.env ?? {}, {
    stdin: stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)]),
    stdout,
    stderr,
    colour: { stdout: false, stderr: false },
    signal: options.signal ?? new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  return { code, stdout: await written[0], stderr: await written[1] };
}
