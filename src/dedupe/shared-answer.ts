/**
 * An answer as it is told to other processes: text, no longer than its bound, and back. What does
 * not read back as an answer is none. It knows no HTTP.
 */
import { SHARED_ANSWER_BYTES_MAX } from "../limits/repeats.ts";
import type { Reply } from "../protocol/reply.ts";

export interface SharedAnswer {
  readonly digest: string;
  readonly reply: Reply;
}

/** null: other processes are not told of this one. */
export function answerText({ digest, reply }: SharedAnswer): string | null {
  const { status, contentType, body, headers = {} } = reply;
  if (typeof body !== "string") return null;
  const text = JSON.stringify([digest, status, contentType, body, headers]);
  return text.length > SHARED_ANSWER_BYTES_MAX ? null : text;
}

/** null: it is none. */
export function readAnswer(text: string): SharedAnswer | null {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(parts)) return null;
  const [digest, status, contentType, body, headers] = parts as readonly unknown[];
  const isSound =
    typeof digest === "string" &&
    status === 200 &&
    typeof contentType === "string" &&
    typeof body === "string" &&
    isTextRecord(headers);
  if (!isSound) return null;
  return { digest, reply: { status, contentType, body, retryAfterSeconds: 0, headers } };
}

function isTextRecord(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((each) => typeof each === "string");
}
