/**
 * A schema registry behind a `fetch`, in memory, with a switch for each way to fail. It answers
 * like Confluent's; registry-contract.ts holds it and the real one to the same.
 */
type Answer = (url: URL) => Response | Promise<Response>;

interface Stored {
  readonly id: number;
  readonly schema: string;
  readonly references: readonly unknown[];
}

export class FakeRegistry {
  /** Called instead of the registry; undefined: it is well. */
  trouble:
    | ((url: URL, signal: AbortSignal | undefined) => Response | Promise<Response>)
    | undefined;
  /** Karapace cannot tell where an id is used. */
  tellsUses = true;
  /** Answers 409 to what is registered. */
  refusesAll = false;
  readonly requests: string[] = [];
  readonly headers: Headers[] = [];
  readonly #subjects = new Map<string, Stored[]>();
  #nextId = 1;

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    this.requests.push(`${init?.method ?? "GET"} ${url.pathname}`);
    this.headers.push(new Headers(init?.headers));
    if (this.trouble !== undefined) return this.trouble(url, init?.signal ?? undefined);
    const body: unknown = typeof init?.body === "string" ? JSON.parse(init.body) : {};
    const steps = url.pathname
      .split("/")
      .slice(1)
      .map((step) => decodeURIComponent(step));
    return this.#route(init?.method ?? "GET", steps, body as Readonly<Record<string, unknown>>);
  };

  /** Puts a schema behind the newest version of the subject and gives its id. */
  put(subject: string, schema: string, references: readonly unknown[] = []): number {
    const versions = this.#subjects.get(subject) ?? [];
    this.#subjects.set(subject, versions);
    const all = [...this.#subjects.values()].flat();
    const known = all.find((stored) => stored.schema === schema);
    const id = known?.id ?? this.#nextId++;
    if (!versions.some((stored) => stored.id === id)) versions.push({ id, schema, references });
    return id;
  }

  /** What a restart of a registry in memory does; ids begin at `firstId`. */
  loseAll(firstId = 1): void {
    this.#subjects.clear();
    this.#nextId = firstId;
  }

  #route(
    method: string,
    [first, second = "", third, fourth]: readonly string[],
    body: Readonly<Record<string, unknown>>,
  ): Response {
    if (first === "schemas" && second === "ids") return this.#byId(Number(third), fourth);
    if (first === "compatibility")
      return json(200, { is_compatible: !this.refusesAll, messages: [] });
    if (first !== "subjects") return new Response("<html>not here</html>", { status: 404 });
    if (method === "POST") {
      return third === "versions" ? this.#register(second, body) : this.#lookup(second, body);
    }
    const versions = this.#subjects.get(second);
    if (versions === undefined) return absent(40_401, "Subject not found.");
    if (fourth === undefined)
      return json(
        200,
        versions.map((_, index) => index + 1),
      );
    const version = fourth === "latest" ? versions.length : Number(fourth);
    const stored = versions[version - 1];
    if (stored === undefined) return absent(40_402, "Version not found.");
    return json(200, { subject: second, version, ...stored });
  }

  #byId(id: number, what: string | undefined): Response {
    const all = [...this.#subjects].flatMap(([subject, versions]) =>
      versions.map((stored, index) => ({ subject, version: index + 1, stored })),
    );
    const found = all.filter(({ stored }) => stored.id === id);
    if (what === "versions") {
      if (!this.tellsUses) return new Response("Not Found", { status: 404 });
      return json(
        200,
        found.map(({ subject, version }) => ({ subject, version })),
      );
    }
    const [first] = found;
    if (first === undefined) return absent(40_403, "Schema not found");
    const { schema, references } = first.stored;
    return json(200, { schema, references });
  }

  #register(subject: string, { schema }: Readonly<Record<string, unknown>>): Response {
    if (this.refusesAll) return json(409, { error_code: 409, message: "Schema is incompatible" });
    if (typeof schema !== "string")
      return json(422, { error_code: 42_201, message: "Invalid schema" });
    return json(200, { id: this.put(subject, schema) });
  }

  #lookup(subject: string, { schema }: Readonly<Record<string, unknown>>): Response {
    const versions = this.#subjects.get(subject);
    if (versions === undefined) return absent(40_401, "Subject not found.");
    const index = versions.findIndex((stored) => stored.schema === schema);
    const stored = versions[index];
    if (stored === undefined) return absent(40_403, "Schema not found");
    return json(200, { subject, version: index + 1, ...stored });
  }
}

/** The registry's host refuses connections. */
export const DOWN: Answer = () => {
  const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  throw new TypeError("fetch failed", { cause });
};

/** The registry takes the request and never answers. */
export function silent(_url: URL, signal: AbortSignal | undefined): Promise<Response> {
  const { promise, reject } = Promise.withResolvers<Response>();
  signal?.addEventListener("abort", () => reject(signal.reason as Error));
  return promise;
}

/** The registry answers everything with this. */
export function always(status: number, body: string): Answer {
  return () => new Response(body, { status });
}

function absent(code: number, message: string): Response {
  return json(404, { error_code: code, message });
}

function json(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), { status });
}
