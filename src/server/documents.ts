/**
 * The published documents of the contract on the public port: made once, told apart by ETag. It
 * knows no uWebSockets.
 */
import { createHash } from "node:crypto";
import { asyncapiDocument } from "../protocol/documents/asyncapi.ts";
import { ASYNCAPI_PATH, OPENAPI_PATH } from "../protocol/documents/facts.ts";
import { openapiDocument } from "../protocol/documents/openapi.ts";
import type { Reply } from "../protocol/reply.ts";

/** Documents change with a deployment only. */
const CACHE_CONTROL = "public, max-age=300";

export class PublishedDocuments {
  readonly #documents = new Map<string, { readonly body: string; readonly etag: string }>();

  constructor() {
    this.#add(OPENAPI_PATH, openapiDocument());
    this.#add(ASYNCAPI_PATH, asyncapiDocument());
  }

  #add(path: string, document: object): void {
    const body = JSON.stringify(document);
    const digest = createHash("sha256").update(body).digest("base64url").slice(0, 22);
    this.#documents.set(path, { body, etag: `"${digest}"` });
  }

  has(path: string): boolean {
    return this.#documents.has(path);
  }

  /** The answer to GET or HEAD; null if there is no document at this path. */
  reply(path: string, ifNoneMatch: string): Reply | null {
    const document = this.#documents.get(path);
    if (document === undefined) return null;
    const { body, etag } = document;
    const headers = { ETag: etag, "Cache-Control": CACHE_CONTROL };
    if (matches(ifNoneMatch, etag)) {
      return { status: 304, contentType: "", body: "", retryAfterSeconds: 0, headers };
    }
    const contentType = "application/json";
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
