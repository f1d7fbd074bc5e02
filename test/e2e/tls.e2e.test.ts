/**
 * TLS in the gateway itself: HTTPS and secure WebSockets, a certificate replaced while connections
 * are open, one that cannot be used, and clients that have to show one of their own.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:https";
import type { RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import { after, before, describe, it } from "node:test";

import { TestAuthority } from "../certificates.ts";
import type { CertificatePaths } from "../certificates.ts";
import { Gateway } from "../gateway.ts";

let directory = "";
let authority: TestAuthority;
let clients: TestAuthority;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-tls-"));
  authority = new TestAuthority(directory, "authority");
  clients = new TestAuthority(directory, "clients");
});

after(() => rm(directory, { recursive: true }));

/** Copies a certificate to where a gateway reads it. */
function install(name: string, from: CertificatePaths): CertificatePaths {
  const to = { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) };
  for (const file of ["keyFile", "certFile"] as const) {
    // Renamed into place, as tools that renew certificates do.
    copyFileSync(from[file], `${to[file]}.new`);
    renameSync(`${to[file]}.new`, to[file]);
  }
  return to;
}

function flagsOf({ certFile, keyFile }: CertificatePaths, more: readonly string[] = []) {
  return ["--tls-cert-file", certFile, "--tls-key-file", keyFile, ...more];
}

function search(id: string) {
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: id, timestamp, anonymousId: "v", query: "tea", resultCount: 1 };
  return { type: "search", id, data };
}

interface Answer {
  readonly status: number;
  readonly body: string;
  /** Of the server's certificate. */
  readonly serial: string;
}

/** `POST /v1/events` over TLS. */
function post(gateway: Gateway, id: string, options: RequestOptions = {}): Promise<Answer> {
  const sent = request({
    host: "127.0.0.1",
    port: gateway.port,
    path: "/v1/events",
    method: "POST",
    ca: readFileSync(authority.certFile),
    agent: new Agent({ keepAlive: false }),
    ...options,
  });
  return new Promise((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (response) => {
      // The request was made over TLS.
      const { serialNumber: serial } = (response.socket as TLSSocket).getPeerCertificate();
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, body, serial });
      });
    });
    sent.end(JSON.stringify({ events: [search(id)] }));
  });
}

/** A masked text frame (RFC 6455 §5.2), with a mask of zeros. */
function frame(value: object): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  const size =
    body.length > 125 ? [0x80 | 126, body.length >> 8, body.length & 0xff] : [0x80 | body.length];
  return Buffer.concat([Buffer.from([0x81, ...size, 0, 0, 0, 0]), body]);
}

/** A secure WebSocket, as far as these tests need one. */
class SecureSocket {
  readonly #socket: TLSSocket;
  #text = "";

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      socket.emit("more");
    });
  }

  /** Opens it, says hello and waits until it is welcome. */
  static async hello(gateway: Gateway): Promise<SecureSocket> {
    const ca = readFileSync(authority.certFile);
    const socket = connect({ host: "127.0.0.1", port: gateway.port, ca });
    await once(socket, "secureConnect");
    const opened = new SecureSocket(socket);
    socket.write(
      "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Protocol: sluice.v1.json\r\n\r\n",
    );
    await opened.saw(/^HTTP\/1\.1 101/);
    opened.send({ t: "hello", v: 1, stream: randomUUID(), next: 1 });
    await opened.saw(/"t":"welcome"/);
    return opened;
  }

  get serial(): string {
    return this.#socket.getPeerCertificate().serialNumber;
  }

  send(value: object): void {
    this.#socket.write(frame(value));
  }

  async saw(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#text)) {
      if (this.#socket.destroyed) throw new Error(`closed after ${this.#text}`);
      await Promise.race([once(this.#socket, "more"), once(this.#socket, "close")]);
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function logged(gateway: Gateway, text: string): Promise<void> {
  while (!gateway.output.includes(text)) await delay(20);
}

describe("TLS in the gateway", () => {
  it("takes a renewed certificate for new connections, and leaves open ones alone", async () => {
    const files = install("renewed", authority.issue("localhost"));
    await using gateway = await Gateway.start({ flags: flagsOf(files) });
    const first = await post(gateway, "s-1");
    assert.equal(first.status, 200, first.body);
    const signal = AbortSignal.timeout(5_000);
    await assert.rejects(fetch(gateway.url, { signal }), "nothing is served without TLS");
    const old = await SecureSocket.hello(gateway);
    assert.equal(old.serial, first.serial);

    writeFileSync(files.certFile, "-----BEGIN CERTIFICATE-----\nhalf\n");
    await logged(gateway, "certificate refused, the old one stays in use");
    assert.equal((await post(gateway, "s-2")).serial, first.serial);

    install("renewed", authority.issue("localhost"));
    await logged(gateway, "certificate renewed");
    const second = await post(gateway, "s-3");
    assert.equal(second.status, 200);
    assert.notEqual(second.serial, first.serial);
    const next = await SecureSocket.hello(gateway);
    assert.equal(next.serial, second.serial);
    old.send({ t: "pub", seq: 1, events: [search("s-4")] });
    await old.saw(/"t":"ack","upto":1/);
    old.close();
    next.close();
    assert.equal(await gateway.stop(), 0);
  });

  it("speaks TLS 1.2 and 1.3, nothing older, and tells browsers' SDKs to use it", async () => {
    const files = install("versions", authority.issue("localhost"));
    await using gateway = await Gateway.start({ flags: flagsOf(files) });
    const handshake = (version: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3") =>
      new Promise<string>((resolve) => {
        const socket = connect({
          host: "127.0.0.1",
          port: gateway.port,
          ca: readFileSync(authority.certFile),
          minVersion: version,
          maxVersion: version,
          // Otherwise this side would not even ask for the old ones.
          ciphers: "DEFAULT@SECLEVEL=0",
        });
        socket.once("secureConnect", () => {
          resolve(socket.getProtocol() ?? "");
          socket.destroy();
        });
        socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      });
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      assert.equal(await handshake(version), version);
    }
    for (const version of ["TLSv1", "TLSv1.1"] as const) {
      assert.equal(await handshake(version), "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    }
    const options = { method: "GET", path: "/v1/projects/demo/settings" };
    const settings = await post(gateway, "none", options);
    assert.equal(settings.status, 200, settings.body);
    assert.match(settings.body, /"protocol":"https"/);
    assert.equal(await gateway.stop(), 0);
  });

  it("does not start with a certificate it cannot use", async () => {
    const sound = authority.issue("localhost");
    const other = authority.issue("localhost");
    const mixed = { certFile: sound.certFile, keyFile: other.keyFile };
    await assert.rejects(
      Gateway.start({ flags: flagsOf(mixed) }),
      /the certificate cannot be used: .*key values mismatch/,
    );
    const absent = { certFile: join(directory, "absent.crt"), keyFile: sound.keyFile };
    await assert.rejects(Gateway.start({ flags: flagsOf(absent) }), /ENOENT/);
  });

  it("serves nobody without a certificate of the clients' authority, and takes it as credentials", async () => {
    const files = install("mutual", authority.issue("localhost"));
    const tenantsFile = join(directory, "tenants.json");
    const orders = { certificateSubjects: ["CN=partner"] };
    writeFileSync(tenantsFile, JSON.stringify({ tenants: { shop: { sources: { orders } } } }));
    const more = ["--tls-client-ca-file", clients.certFile, "--tenants-file", tenantsFile];
    const flags = flagsOf(files, more);
    await using gateway = await Gateway.start({ flags });
    await assert.rejects(post(gateway, "m-1"), "without a certificate");
    const withCertificate = ({ certFile, keyFile }: CertificatePaths): RequestOptions => ({
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
    });
    const strange = withCertificate(authority.issue("stranger"));
    await assert.rejects(post(gateway, "m-2", strange), "of another authority");
    const welcome = await post(gateway, "m-3", withCertificate(clients.issue("partner")));
    assert.equal(welcome.status, 200, welcome.body);
    const other = await post(gateway, "m-4", withCertificate(clients.issue("other")));
    assert.equal(other.status, 401, "the tenants file does not name it");
    const spoofed = { "X-Client-Cert-Verify": "SUCCESS", "X-Client-Cert-Subject": "CN=partner" };
    const liar = { ...withCertificate(clients.issue("other")), headers: spoofed };
    assert.equal((await post(gateway, "m-5", liar)).status, 401);
    assert.equal(await gateway.stop(), 0);
  });
});
