/** A small web server for the pages of an example: files, made answers, and events from pages. */
import { createReadStream, existsSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};
const BODY_BYTES_MAX = 64 * 1024;

export interface SiteRequest {
  readonly url: URL;
  readonly method: string;
  /** The JSON that was sent; null: none. */
  readonly body: unknown;
}

/** Text of a page, a value as JSON, or the path of a file. */
export type SiteAnswer =
  | { readonly kind: "json"; readonly value: unknown; readonly status?: number }
  | { readonly kind: "html"; readonly text: string }
  | { readonly kind: "file"; readonly path: string };

export class Site {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** `answer`: undefined where there is nothing. */
  static async start(
    port: number,
    answer: (request: SiteRequest) => Promise<SiteAnswer | undefined>,
  ): Promise<Site> {
    const server = createServer((request, response) => {
      const respond = async (): Promise<void> => {
        const url = new URL(request.url ?? "/", "http://site");
        const { method = "GET" } = request;
        const found = await answer({ url, method, body: await bodyOf(request) });
        if (found === undefined || (found.kind === "file" && !existsSync(found.path))) {
          response.writeHead(404, { "content-type": "text/plain" }).end("There is nothing here.");
        } else if (found.kind === "json") {
          const type = "application/json";
          response.writeHead(found.status ?? 200, { "content-type": type });
          response.end(JSON.stringify(found.value));
        } else if (found.kind === "html") {
          response.writeHead(200, { "content-type": TYPES[".html"] }).end(found.text);
        } else {
          response.writeHead(200, { "content-type": TYPES[extname(found.path)] ?? "" });
          createReadStream(found.path).pipe(response);
        }
      };
      respond().catch((error: unknown) => {
        console.error(error);
        response.writeHead(500).end();
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: "127.0.0.1", port }, resolve);
    });
    const { port: taken } = server.address() as AddressInfo;
    return new Site(server, `http://127.0.0.1:${taken}`);
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error("a page sent more than any page of ours does");
    chunks.push(chunk);
  }
  return bytes === 0 ? null : (JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown);
}

/** A file of an example's pages, or one that all of them share. */
export function pageFile(folder: URL, name: string): string {
  const safe = name.replaceAll(/[^a-z0-9.-]/g, "");
  const own = fileURLToPath(new URL(safe, folder));
  return existsSync(own) ? own : fileURLToPath(new URL(`pages/${safe}`, import.meta.url));
}
