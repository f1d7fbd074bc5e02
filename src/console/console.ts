/**
 * The live console on the admin port: a page, its script and style as they lie in console/, and
 * the data it asks for. Nothing is loaded from elsewhere, and nothing can be changed by it.
 */
import { readFileSync } from "node:fs";
import { consoleData } from "./console-data.ts";
import type { ConsoleSources } from "./console-data.ts";

export const CONSOLE_PATH = "/console";

const FILES = new URL("../../console/", import.meta.url);

/** By what stands behind the path; "" is the page itself. */
const PAGES: Readonly<Record<string, { readonly file: string; readonly contentType: string }>> = {
  "": { file: "index.html", contentType: "text/html; charset=utf-8" },
  "console.css": { file: "console.css", contentType: "text/css; charset=utf-8" },
  "charts.css": { file: "charts.css", contentType: "text/css; charset=utf-8" },
  "lists.css": { file: "lists.css", contentType: "text/css; charset=utf-8" },
  "console.js": { file: "console.js", contentType: "text/javascript; charset=utf-8" },
  "charts.js": { file: "charts.js", contentType: "text/javascript; charset=utf-8" },
  "tables.js": { file: "tables.js", contentType: "text/javascript; charset=utf-8" },
  "backends.js": { file: "backends.js", contentType: "text/javascript; charset=utf-8" },
  "watch.js": { file: "watch.js", contentType: "text/javascript; charset=utf-8" },
  "numbers.js": { file: "numbers.js", contentType: "text/javascript; charset=utf-8" },
};

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

interface ConsoleRequest {
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

interface ConsoleAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class Console {
  readonly #sources: ConsoleSources;
  readonly #files = new Map<string, string>();

  constructor(sources: ConsoleSources) {
    this.#sources = sources;
  }

  /** null: there is nothing at this path. */
  readonly answer = async (request: ConsoleRequest): Promise<ConsoleAnswer | null> => {
    const [, name = "", ...rest] = request.segments;
    if (rest.length > 0) return null;
    if (name === "data") {
      const body = await consoleData(this.#sources, request.query.get("history") === "1");
      const contentType = "application/json; charset=utf-8";
      return { status: 200, contentType, body, headers: HEADERS };
    }
    if (name === "events") return await this.#events(request.query);
    const page = PAGES[name];
    if (page === undefined) return null;
    const { file, contentType } = page;
    return { status: 200, contentType, body: this.#read(file), headers: HEADERS };
  };

  async #events(query: URLSearchParams): Promise<ConsoleAnswer> {
    const after = Number(query.get("after") ?? 0);
    const seen = await this.#sources.look(query.get("type") ?? "", after);
    const contentType = "application/json; charset=utf-8";
    return { status: 200, contentType, body: JSON.stringify(seen), headers: HEADERS };
  }

  stop(): void {
    this.#sources.history?.stop();
  }

  #read(file: string): string {
    const known = this.#files.get(file) ?? readFileSync(new URL(file, FILES), "utf8");
    this.#files.set(file, known);
    return known;
  }
}
