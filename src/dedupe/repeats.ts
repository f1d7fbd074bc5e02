/**
 * Requests that come twice: byte for byte, from clients that know whole requests only, or under an
 * `Idempotency-Key` of their sender. The second is answered as the first, and not stored again. An
 * answer is kept only once every event of it is final, so nothing is called stored that is not in
 * Kafka. Other processes are asked and told where there is a shared memory. It knows no events and
 * no codec.
 */
import { createHash } from "node:crypto";

import type { ProblemCode } from "../errors.ts";
import type { ProblemOptions, Reply } from "../protocol/reply.ts";
import type { AnswerMemory } from "./answer-memory.ts";
import { answerText, readAnswer } from "./shared-answer.ts";
import type { SharedMemory } from "./shared-memory.ts";

export type RepeatKind = "fingerprint" | "idempotency_key";

export interface RepeatableRequest {
  readonly tenant: string;
  readonly source: string;
  /** With the query. */
  readonly path: string;
  /** Of the header; undefined: there is none. */
  readonly idempotencyKey: string | undefined;
  /** Its clients send the same bytes again. */
  readonly isFingerprinted: boolean;
}

/** By what a request is known again. */
export interface RepeatMark {
  readonly kind: RepeatKind;
  /** "" if the sender's key is none. */
  readonly key: string;
  readonly digest: string;
}

export interface RepeatAnswers {
  readonly problem: (code: ProblemCode, options: ProblemOptions) => Reply;
  readonly requestId: string;
}

export interface RepeatsOptions {
  readonly memory: AnswerMemory;
  /** null: this process is the only one. */
  readonly shared: SharedMemory | null;
  readonly windowMs: number;
  /** A request was answered from memory. */
  readonly onRepeat: (kind: RepeatKind) => void;
}

/** Printable ASCII, as other servers take it; longer than any UUID. */
const KEY_PREFIX = "sluice:rq:";

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/;

export class Repeats {
  readonly #options: RepeatsOptions;

  constructor(options: RepeatsOptions) {
    this.#options = options;
  }

  /** null: nobody sends this request twice under its name. `body` is read during the call only. */
  mark(request: RepeatableRequest, body: Uint8Array): RepeatMark | null {
    const { tenant, source, path, idempotencyKey, isFingerprinted } = request;
    if (idempotencyKey === undefined && !isFingerprinted) return null;
    // None of these holds a zero byte.
    const scope = `${tenant}\0${source}\0`;
    const hash = createHash("sha256").update(`${scope}${path}\0`).update(body);
    const digest = hash.digest("base64url");
    if (isFingerprinted) return { kind: "fingerprint", key: digest, digest };
    const isSound = IDEMPOTENCY_KEY.test(idempotencyKey ?? "");
    const key = isSound ? `${scope}${idempotencyKey}` : "";
    return { kind: "idempotency_key", key, digest };
  }

  /**
   * Resolves, soon in any case, when it is known whether another process has answered this request;
   * null: there is nobody to ask, or no need to.
   */
  ask({ key }: RepeatMark): Promise<void> | null {
    const { memory, shared } = this.#options;
    if (shared === null || !shared.isAsked || key === "") return null;
    if (memory.find(key).kind !== "new") return null;
    return shared.find([KEY_PREFIX + key]).then(([text]) => {
      const answer = typeof text === "string" ? readAnswer(text) : null;
      if (answer !== null && memory.find(key).kind === "new") memory.keep(key, answer);
    });
  }

  /** What to answer without looking at the events; null: the request is new. */
  answer({ kind, key, digest }: RepeatMark, answers: RepeatAnswers): Reply | null {
    const { memory, onRepeat } = this.#options;
    const { problem, requestId } = answers;
    if (key === "") {
      const detail = "an Idempotency-Key has 1 to 200 printable ASCII characters";
      return problem("bad_request", { requestId, detail });
    }
    const standing = memory.find(key);
    if (standing.kind === "new") return null;
    if (standing.digest !== digest) return problem("idempotency_mismatch", { requestId });
    if (standing.kind === "open") {
      if (kind === "idempotency_key") return problem("idempotency_in_progress", { requestId });
      const detail = "the same request is being stored: send it again to learn its outcome";
      return problem("unavailable", { requestId, detail, retryAfterSeconds: 1 });
    }
    onRepeat(kind);
    return standing.reply;
  }

  /** The request is new, and its events are handed over now. */
  begin({ key, digest }: RepeatMark): void {
    this.#options.memory.open(key, digest);
  }

  /** Every event of it has an outcome, or is to be sent again. */
  end({ key }: RepeatMark, reply: Reply): void {
    const isFinal = reply.status === 200 && reply.retryAfterSeconds === 0;
    const { memory, shared, windowMs } = this.#options;
    const answer = memory.close(key, isFinal ? reply : null);
    const value = answer === null || shared === null ? null : answerText(answer);
    if (value !== null) shared?.remember(KEY_PREFIX + key, { value, ttlMs: windowMs });
  }
}
