/**
 * HTTP to a schema registry: tries with a time limit each, full jitter between them, the next URL
 * after a failure, a cap on the size of answers, and a rest after several failures in a row so that
 * a registry that is down is not stormed. It knows methods, paths and bodies, but no schemas, and
 * puts no credentials into any text.
 */
import {
  REGISTRY_ANSWER_BYTES_MAX,
  REGISTRY_BACKOFF_BASE_MS,
  REGISTRY_BACKOFF_MAX_MS,
  REGISTRY_FAILURES_MAX,
  REGISTRY_REST_MS,
  REGISTRY_TRIES_MAX,
} from "../limits/schemas.ts";
import type { Clock } from "./clock.ts";

export type RegistryAuth =
  | { readonly basic: { readonly user: string; readonly password: string } }
  | { readonly bearer: string };

export interface RegistryHttpOptions {
  /** Base URLs, each perhaps with a path and with user:password. */
  readonly urls: readonly string[];
  /** One try. */
  readonly timeoutMs: number;
  /** All tries of one call. */
  readonly deadlineMs: number;
  readonly auth?: RegistryAuth;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

export interface RegistryRequest {
  readonly method: "GET" | "POST";
  /** Behind the base URL, already encoded, beginning with "/". */
  readonly path: string;
  readonly body?: unknown;
}

/** An answer that is sound JSON, or why there is none. `detail` is a phrase for people. */
export type RegistryAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly json: unknown }
  | { readonly kind: "none"; readonly detail: string };

type Try =
  | RegistryAnswer
  | { readonly kind: "again"; readonly detail: string; readonly answer?: RegistryAnswer };

/** Ways in which a call may end that are no failure of the registry itself. */
const CLOSED: RegistryAnswer = { kind: "none", detail: "the registry client is closed" };

const MEDIA_TYPE = "application/vnd.schemaregistry.v1+json";
const ACCEPT = `${MEDIA_TYPE}, application/vnd.schemaregistry+json;q=0.9, application/json;q=0.8`;

export class RegistryHttp {
  readonly #options: RegistryHttpOptions;
  readonly #bases: readonly Base[];
  readonly #closing = new AbortController();
  #preferred = 0;
  #failures = 0;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  /** Throws TypeError for a URL that is none; the text names its place, not the URL. */
  constructor(options: RegistryHttpOptions) {
    this.#options = options;
    this.#bases = options.urls.map((url, index) => readBase(url, index, options.auth));
    if (this.#bases.length === 0) throw new TypeError("a registry needs at least one URL");
  }

  /** The URLs without credentials, for texts and for telling registries apart. */
  get addresses(): readonly string[] {
    return this.#bases.map(({ url }) => url);
  }

  /** Ends what is under way and refuses what comes. */
  close(): void {
    this.#closing.abort();
  }

  async send(request: RegistryRequest): Promise<RegistryAnswer> {
    const { clock, deadlineMs } = this.#options;
    const startMs = clock.monotonicMs();
    if (startMs < this.#restUntilMs) {
      return {
        kind: "none",
        detail: `it failed ${this.#failures} times in a row and is left alone`,
      };
    }
    const triesMax = Math.max(REGISTRY_TRIES_MAX, this.#bases.length);
    let last: Try = { kind: "again", detail: "it did not answer in time" };
    for (let number = 0; number < triesMax; number++) {
      if (this.#closing.signal.aborted) return CLOSED;
      const leftMs = startMs + deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) break;
      last = await this.#try(request, Math.min(leftMs, this.#options.timeoutMs));
      if (last.kind !== "again") {
        this.#failures = 0;
        return last;
      }
      this.#preferred = (this.#preferred + 1) % this.#bases.length;
      // Every URL gets its first try at once; only then is there a reason to wait.
      if (number + 1 >= this.#bases.length && number + 1 < triesMax) await this.#wait(number);
    }
    if (this.#closing.signal.aborted) return CLOSED;
    this.#failures++;
    if (this.#failures >= REGISTRY_FAILURES_MAX) {
      this.#restUntilMs = clock.monotonicMs() + REGISTRY_REST_MS;
    }
    return last.answer ?? { kind: "none", detail: last.detail };
  }

  async #try(request: RegistryRequest, timeoutMs: number): Promise<Try> {
    const base = this.#bases[this.#preferred];
    if (base === undefined) return CLOSED;
    const abort = new AbortController();
    let isLate = false;
    const cancelTimeout = this.#options.clock.after(timeoutMs, () => {
      isLate = true;
      abort.abort();
    });
    try {
      const response = await this.#options.fetch(`${base.url}${request.path}`, {
        method: request.method,
        headers: { ...base.headers, ...(request.method === "POST" ? POST_HEADERS : {}) },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        signal: AbortSignal.any([abort.signal, this.#closing.signal]),
      });
      return judge(response.status, await readCapped(response));
    } catch (error) {
      const detail = isLate ? `it did not answer within ${timeoutMs} ms` : failureOf(error);
      return { kind: "again", detail: `${base.url}: ${detail}` };
    } finally {
      cancelTimeout();
    }
  }

  #wait(number: number): Promise<void> {
    const { clock } = this.#options;
    const capMs = Math.min(REGISTRY_BACKOFF_BASE_MS * 2 ** number, REGISTRY_BACKOFF_MAX_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(clock.random() * capMs, resolve);
    const onClose = (): void => resolve();
    this.#closing.signal.addEventListener("abort", onClose);
    return promise.finally(() => {
      cancel();
      this.#closing.signal.removeEventListener("abort", onClose);
    });
  }
}

const POST_HEADERS = { "content-type": MEDIA_TYPE } as const;

interface Base {
  /** Without credentials and without a slash at the end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

function readBase(text: string, index: number, auth: RegistryAuth | undefined): Base {
  if (!URL.canParse(text)) throw new TypeError(`registry URL ${index + 1} is no URL`);
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`registry URL ${index + 1} is neither http nor https`);
  }
  const own: RegistryAuth | undefined =
    url.username === ""
      ? undefined
      : {
          basic: {
            user: decodeURIComponent(url.username),
            password: decodeURIComponent(url.password),
          },
        };
  const authorization = authorizationOf(own ?? auth);
  return {
    url: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    headers: { accept: ACCEPT, ...(authorization === undefined ? {} : { authorization }) },
  };
}

function authorizationOf(auth: RegistryAuth | undefined): string | undefined {
  if (auth === undefined) return undefined;
  if ("bearer" in auth) return `Bearer ${auth.bearer}`;
  const { user, password } = auth.basic;
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function judge(status: number, text: string | undefined): Try {
  if (text === undefined) {
    const detail = `its answer has more than ${REGISTRY_ANSWER_BYTES_MAX} bytes`;
    return { kind: "none", detail };
  }
  const isJson = /^\s*[[{"0-9tfn-]/.test(text);
  const json = isJson ? parseJson(text) : undefined;
  const answer: RegistryAnswer = { kind: "answer", status, json };
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: "again", detail: `it answered with status ${status}`, answer };
  }
  if (status < 300 && json === undefined) {
    return { kind: "again", detail: "its answer is not JSON" };
  }
  return answer;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The body as text; undefined: it is over the cap, and the rest of it was not read. */
async function readCapped(response: Response): Promise<string | undefined> {
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > REGISTRY_ANSWER_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A code like ECONNREFUSED. Messages are left out: they may quote a header. */
function failureOf(error: unknown): string {
  const causes = [error instanceof Error ? error.cause : undefined, error];
  for (const cause of causes) {
    if (cause instanceof Error && "code" in cause && typeof cause.code === "string") {
      return `it cannot be reached (${cause.code})`;
    }
  }
  return "it cannot be reached";
}
