/**
 * The streams and the end of one run of a command, so that tests can run commands without a
 * process. A command writes through Output, which keeps to the reader's pace and treats a reader
 * that went away (`sluice tail … | head`) as a wish to stop, not as a failure.
 */
import type { Readable, Writable } from "node:stream";

export interface CliIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether the streams are terminals that show colours. */
  readonly colour: { readonly stdout: boolean; readonly stderr: boolean };
  /** Aborted by the first Ctrl-C or SIGTERM; the second one ends the process by itself. */
  readonly signal: AbortSignal;
}

/** The streams of this process; takes over SIGINT and SIGTERM. */
export function processIo(): CliIo {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => abort.abort());
  }
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    colour: {
      stdout: process.stdout.isTTY && process.stdout.hasColors(),
      stderr: process.stderr.isTTY && process.stderr.hasColors(),
    },
    signal: abort.signal,
  };
}

/** One stream to write to. */
export class Output {
  readonly #stream: Writable;
  readonly #closed = new AbortController();
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on("error", (error) => this.#fail(error));
  }

  /** Aborted when nobody reads any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * Resolves when the stream has taken the text. Text for a reader that went away is dropped.
   * Throws what else the stream throws (a full disk).
   */
  async write(text: string | Uint8Array): Promise<void> {
    if (!this.#closed.signal.aborted) {
      const error = await new Promise<Error | null | undefined>((resolve) => {
        this.#stream.write(text, resolve);
      });
      if (error) this.#fail(error);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: NodeJS.ErrnoException): void {
    // What is written to a stream after its failure fails for that reason alone.
    if (!this.#closed.signal.aborted && error.code !== "EPIPE") this.#failure = error;
    this.#closed.abort();
  }
}
