/**
 * What the public port gives to read: the published documents of the contract, and pages that it
 * was given. Made once, told apart by ETag. It knows no uWebSockets.
 */
import { createHash } from "node:crypto";
import { asyncapiDocument } from "../protocol/documents/asyncapi.ts";
import { ASYNCAPI_PATH, OPENAPI_PATH } from "../protocol/documents/facts.ts";
import { openapiDocument } from "../protocol/documents/openapi.ts";
import type { Reply } from "../protocol/reply.ts";

/** Documents change with a deployment only. */
const CACHE_CONTROL = "public, max-age=300";

export interface Page {
  readonly contentType: string;
  readonly body: string;
}

export class PublishedDocuments {
  readonly #documents = new Map<string, Page & { readonly etag: string }>();

  /** @param pages further ones, by path */
  constructor(pages: ReadonlyMap<string, Page>) {
    const contentType = "application/json";
    this.#add(OPENAPI_PATH, { contentType, body: JSON.stringify(openapiDocument()) });
    this.#add(ASYNCAPI_PATH, { contentType, body: JSON.stringify(asyncapiDocument()) });
    for (const [path, page] of pages) this.#add(path, page);
  }

  #add(path: string, page: Page): void {
    const digest = createHash("sha256").update(page.body).digest("base64url").slice(0, 22);
    this.#documents.set(path, { ...page, etag: `"${digest}"` });
  }

  has(path: string): boolean {
    return this.#documents.has(path);
  }

  /** The answer to GET or HEAD; null if there is no document at this path. */
  reply(path: string, ifNoneMatch: string): Reply | null {
    const document = this.#documents.get(path);
    if (document === undefined) return null;
    const { body, contentType, etag } = document;
    const headers = { ETag: etag, "Cache-Control": CACHE_CONTROL };
    if (matches(ifNoneMatch, etag)) {
      return { status: 304, contentType: "", body: "", retryAfterSeconds: 0, headers };
    }
    return { status: 200, contentType, body, retryAfterSeconds: 0, headers };
  }
}

/** RFC 9110 §13.1.2: weak comparison, a list or a star. */
function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(",").some((each) => {
    const tag = each.trim();
    return tag === "*" || tag === etag || tag === `W/${etag}`;
  });
}
