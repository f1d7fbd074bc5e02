/**
 * An issuer of tokens for tests: real keys, a real HTTP server on loopback, switches for faults. It
 * gives tokens by `token` and, to clients that ask for them (RFC 6749 §4.4), under /token.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { exportJWK, generateKeyPair, SignJWT } from "jose";

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

export interface TokenParts {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly audience?: string;
  readonly issuer?: string;
  readonly algorithm?: string;
  readonly keyId?: string;
  /** Seconds since 1970. */
  readonly expires?: number;
  readonly notBefore?: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

export class TestIssuer implements AsyncDisposable {
  readonly url: string;
  /** What it answers, per path, instead of what it should. */
  readonly faults = new Map<string, Answer>();
  /** Requests it got, by path. */
  readonly requests: string[] = [];
  /** What clients wrote to /token. */
  readonly grants: URLSearchParams[] = [];
  /** Clients that did not trust its certificate. */
  distrusted = 0;
  /** The client that /token knows, as `id:secret`; and for how long its tokens hold. */
  readonly client = { credentials: "sluice:client-secret", lifetimeSeconds: 300 };
  readonly #server: ReturnType<typeof createServer>;
  #secureServer: ReturnType<typeof createSecureServer> | null = null;
  #key: SigningKey;
  #keyId = "first";
  #publicKey: object;

  private constructor(parts: {
    readonly server: ReturnType<typeof createServer>;
    readonly key: SigningKey;
    readonly publicKey: object;
  }) {
    this.#server = parts.server;
    this.#key = parts.key;
    this.#publicKey = parts.publicKey;
    this.url = `http://127.0.0.1:${(parts.server.address() as AddressInfo).port}/realms/test`;
    this.#server.on("request", this.#serve);
  }

  readonly #serve = (request: IncomingMessage, response: ServerResponse): void => {
    const path = (request.url ?? "").replace("/realms/test", "");
    this.requests.push(path);
    const asked = path === "/token" ? this.#grant(request) : null;
    const answer = this.faults.get(path) ?? asked ?? this.#answer(path);
    Promise.resolve(answer).then(
      ({ status, body }) =>
        response.writeHead(status, { "Content-Type": "application/json" }).end(body),
      () => response.destroy(),
    );
  };

  /** Answers over TLS as well from now on; gives that URL. Files in PEM. */
  async listenSecurely(files: {
    readonly certFile: string;
    readonly keyFile: string;
  }): Promise<string> {
    const pair = { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
    const server = createSecureServer(pair, this.#serve);
    server.on("tlsClientError", () => (this.distrusted += 1));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#secureServer = server;
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}/realms/test`;
  }

  static async start(): Promise<TestIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    return new TestIssuer({ server, key: privateKey, publicKey: await exportJWK(publicKey) });
  }

  async #grant(request: IncomingMessage): Promise<Answer> {
    const { authorization = "" } = request.headers;
    const { credentials, lifetimeSeconds } = this.client;
    this.grants.push(new URLSearchParams(await text(request)));
    if (authorization !== `Basic ${Buffer.from(credentials).toString("base64")}`) {
      return { status: 401, body: '{"error":"invalid_client"}' };
    }
    const issuedSeconds = Math.floor(Date.now() / 1_000);
    const expires = issuedSeconds + lifetimeSeconds;
    const claims = { sub: credentials.split(":")[0], iat: issuedSeconds };
    const token = await this.token({ claims, expires });
    const grant = { access_token: token, token_type: "Bearer", expires_in: lifetimeSeconds };
    return { status: 200, body: JSON.stringify(grant) };
  }

  #answer(path: string): Answer {
    if (path === "/.well-known/openid-configuration") {
      const document = { issuer: this.url, jwks_uri: `${this.url}/certs` };
      return { status: 200, body: JSON.stringify(document) };
    }
    if (path !== "/certs") return { status: 404, body: "{}" };
    const keys = [{ ...this.#publicKey, kid: this.#keyId, alg: "ES256", use: "sig" }];
    return { status: 200, body: JSON.stringify({ keys }) };
  }

  /** From now on it signs with another key. */
  async rotate(): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    this.#key = privateKey;
    this.#publicKey = await exportJWK(publicKey);
    this.#keyId = `${this.#keyId}-next`;
  }

  token(parts: TokenParts = {}): Promise<string> {
    const jwt = new SignJWT({ azp: "web", org: "acme", ...parts.claims })
      .setProtectedHeader({ alg: parts.algorithm ?? "ES256", kid: parts.keyId ?? this.#keyId })
      .setIssuer(parts.issuer ?? this.url)
      .setAudience(parts.audience ?? "sluice")
      .setExpirationTime(parts.expires ?? Math.floor(Date.now() / 1_000) + 300);
    if (parts.notBefore !== undefined) jwt.setNotBefore(parts.notBefore);
    return jwt.sign(this.#key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#server, this.#secureServer]) {
      if (server === null) continue;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}
