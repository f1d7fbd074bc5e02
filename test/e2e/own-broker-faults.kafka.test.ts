/**
 * Rows of the fault matrix that take a broker of their own: one whose certificate expires, behind
 * an end of TLS that shows what it is told to, and one that throttles.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createServer } from "node:tls";
import type { TLSSocket } from "node:tls";

import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { TestAuthority } from "../certificates.ts";
import type { CertificatePaths } from "../certificates.ts";
import { framed } from "../kafka-proxy/frames.ts";
import { WireWriter } from "../kafka-proxy/wire.ts";
import { faultRow, readiness } from "./fault-row.ts";

const ALTER_CLIENT_QUOTAS = 49;

let directory: string;
let broker: Instance;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  broker = await startInstance("kafka");
});

after(async () => {
  await broker.remove();
  await rm(directory, { recursive: true, force: true });
});

function pairOf({ certFile, keyFile }: CertificatePaths) {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

test("row 19: the broker's certificate expires: refused, not ready; renewed: taken by itself", async () => {
  const authority = new TestAuthority(directory, "authority");
  const sockets = new Set<TLSSocket>();
  const { proxy: port = 0, proxied = 0 } = broker.ports;
  const front = createServer(pairOf(authority.issue("broker")), (socket) => {
    const upstream = connect(proxied, "127.0.0.1");
    sockets.add(socket);
    socket.on("error", () => upstream.destroy()).on("close", () => sockets.delete(socket));
    upstream.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  front.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => front.listen(port, "127.0.0.1", resolve));
  const show = (pair: CertificatePaths): void => {
    front.setSecureContext(pairOf(pair));
    for (const socket of sockets) socket.destroy();
  };
  const security = ["--kafka-security-protocol", "ssl", "--kafka-ca-location", authority.certFile];
  const places = { brokers: `127.0.0.1:${port}`, readFrom: broker.address };
  const heal = () => show(authority.issue("broker"));
  try {
    await faultRow({ ...places, flags: security, heal }, async ({ gateway }) => {
      show(authority.issue("broker", { days: -1 }));
      await readiness(gateway, 503);
      while (!gateway.output.includes("certificate verify failed")) await delay(50);
      heal();
      await readiness(gateway, 200);
    });
  } finally {
    front.close();
  }
});

/** AlterClientQuotas, version 0: what all clients together may produce, in bytes a second. */
async function setQuota(bytesPerSecond: number): Promise<void> {
  const rate = Buffer.alloc(8);
  rate.writeDoubleBE(bytesPerSecond);
  const request = new WireWriter()
    .int16(ALTER_CLIENT_QUOTAS)
    .int16(0)
    .int32(1)
    .string("test", false)
    // One entry: the clients without a quota of their own.
    .arrayLength(1, false)
    .arrayLength(1, false)
    .string("client-id", false)
    .string(null, false)
    .arrayLength(1, false)
    .string("producer_byte_rate", false)
    .raw(rate)
    // Not to be removed, and not only tried.
    .raw(Buffer.from([0, 0]));
  const [host = "", port = ""] = broker.address.split(":");
  const socket = connect(Number(port), host);
  socket.write(framed(request.toBuffer()));
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  // Size, correlation, throttle time, number of entries; then the first one's error.
  assert.equal(answer.readInt16BE(16), 0, "the quota was taken");
}

test("row 15: a broker that throttles by quota: later, seen in the metrics, nothing lost", () =>
  faultRow({ brokers: broker.address, heal: () => setQuota(1e9) }, async ({ gateway, load }) => {
    // Little by little: a quota far below what the machine carries mutes its clients for so long
    // that Kafka is rightly called unavailable.
    let bytesPerSecond = 2_000_000;
    do {
      bytesPerSecond = Math.round(bytesPerSecond * 0.85);
      await setQuota(bytesPerSecond);
      // Metrics of producers are read once a second.
      await delay(1_000);
    } while ((await gateway.metric("sluice_kafka_throttle_seconds")) === 0);
    await load.more(100);
    assert.deepEqual([...load.retryCodes.streams], []);
  }));
