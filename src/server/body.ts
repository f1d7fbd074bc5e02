/**
 * Request bodies: gathered up to a limit, inflated up to a limit. What a body is coded in is judged
 * by its first bytes, because clients send gzip without saying so; a coding that is said but not
 * there is a fault. Inflating runs off the event loop.
 */
import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import type { HttpResponse } from "uWebSockets.js";
import type { ProblemCode } from "../errors.ts";
import type { ByteBudget } from "../lib/byte-budget.ts";

const gunzipAsync = promisify(gunzip);
const zstdDecompressAsync = promisify(zstdDecompress);

/** Codings of request bodies, for `Accept-Encoding` in a 415. */
export const ACCEPTED_CODINGS = "gzip, zstd, identity";

export interface BodyFault {
  readonly kind: "fault";
  readonly code: ProblemCode;
  readonly detail: string;
}

/** What came of gathering a body: its bytes, or which bound it met. */
export type Gathered = Uint8Array | "too_large" | "overloaded";

export interface GatherOptions {
  readonly bytesMax: number;
  /** Shared by all bodies of the process that are not complete yet. */
  readonly budget: ByteBudget;
  /** Called once, unless the client goes away. Bytes are valid during the call only. */
  readonly done: (body: Gathered) => void;
}

/** Gathers a body. The function returned gives up: the client has gone away. */
export function gatherBody(response: HttpResponse, options: GatherOptions): () => void {
  const { bytesMax, budget } = options;
  // uWebSockets keeps what hears of data until the answer, which must not keep the request.
  let done: ((body: Gathered) => void) | null = options.done;
  let chunks: Uint8Array[] = [];
  let size = 0;
  let held = 0;
  let isOver = false;
  const finish = (body: Gathered | null) => {
    const taker = done;
    isOver = true;
    budget.release(held);
    held = 0;
    chunks = [];
    done = null;
    if (body !== null) taker?.(body);
  };
  response.onData((chunk, isLast) => {
    if (isOver) return;
    const bytes = new Uint8Array(chunk);
    size += bytes.length;
    if (size > bytesMax) finish("too_large");
    else if (isLast) finish(chunks.length === 0 ? bytes : Buffer.concat([...chunks, bytes]));
    else if (!budget.reserve(bytes.length)) finish("overloaded");
    else {
      held += bytes.length;
      // The chunk's memory is uWebSockets' own and gone after this call.
      chunks.push(bytes.slice());
    }
  });
  return () => finish(null);
}

export type Coding = "identity" | "gzip" | "zstd";

/** How a body is coded; `declared` is the Content-Encoding header. */
export function bodyCoding(body: Uint8Array, declared: string): Coding | BodyFault {
  const said = declared.trim().toLowerCase();
  const found = sniff(body);
  if (
    said !== "" &&
    said !== "identity" &&
    said !== "gzip" &&
    said !== "x-gzip" &&
    said !== "zstd"
  ) {
    const detail = `Content-Encoding ${said.slice(0, 40)} is not taken, only ${ACCEPTED_CODINGS}`;
    return { kind: "fault", code: "unsupported_encoding", detail };
  }
  if ((said === "gzip" || said === "x-gzip") && found !== "gzip") {
    return { kind: "fault", code: "bad_request", detail: "the body is not gzip as announced" };
  }
  if (said === "zstd" && found !== "zstd") {
    return { kind: "fault", code: "bad_request", detail: "the body is not zstd as announced" };
  }
  return found;
}

function sniff(body: Uint8Array): Coding {
  if (body[0] === 0x1f && body[1] === 0x8b) return "gzip";
  const isZstd = body[0] === 0x28 && body[1] === 0xb5 && body[2] === 0x2f && body[3] === 0xfd;
  return isZstd ? "zstd" : "identity";
}

/**
 * A body may always inflate to this: batches of like events shrink by far more than a ratio allows.
 */
const RATIO_FREE_BYTES = 1024 * 1024;

export interface InflateLimits {
  readonly bytesMax: number;
  readonly ratioMax: number;
}

/** Inflates one layer. The input must not be shared with uWebSockets. */
export async function inflate(
  body: Uint8Array,
  coding: "gzip" | "zstd",
  limits: InflateLimits,
): Promise<Uint8Array | BodyFault> {
  const byRatio = Math.max(RATIO_FREE_BYTES, body.length * limits.ratioMax);
  const maxOutputLength = Math.min(limits.bytesMax, byRatio);
  try {
    const inflated =
      coding === "gzip"
        ? await gunzipAsync(body, { maxOutputLength })
        : // Node reads the first frame only; what follows would be lost without a word.
          await zstdDecompressAsync(body, { maxOutputLength, rejectGarbageAfterEnd: true });
    return inflated;
  } catch (error) {
    // zlib's errors carry a code; nothing else is thrown here.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      const detail = `the inflated body is over ${maxOutputLength} bytes`;
      return { kind: "fault", code: "too_large", detail };
    }
    return { kind: "fault", code: "bad_request", detail: `the body is not sound ${coding}` };
  }
}
