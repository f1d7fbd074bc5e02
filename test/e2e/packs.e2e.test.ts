/** Packs other than the default, and what becomes of refused events: embedded parts throughout. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { Gateway } from "../gateway.ts";
import { readAll } from "./read-back.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const PACKS = fileURLToPath(new URL("../../packs", import.meta.url));
const NDJSON = { "content-type": "application/x-ndjson" };

interface Answer {
  readonly stored: number;
  readonly rejected: readonly Readonly<Record<string, string>>[];
}

/** Runs a gateway for the time of a test; it must drain cleanly. */
async function withGateway(
  flags: readonly string[],
  use: (gateway: Gateway) => Promise<void>,
): Promise<void> {
  await using gateway = await Gateway.start({ flags });
  await use(gateway);
  assert.equal(await gateway.stop(), 0);
}

for (const pack of ["aiops", "commerce"]) {
  test(`the pack ${pack}: its samples are stored, its bad samples refused`, () =>
    withGateway(["--pack", pack], async (gateway) => {
      const good = await readFile(join(PACKS, pack, "samples.ndjson"), "utf8");
      const bad = await readFile(join(PACKS, pack, "samples.invalid.ndjson"), "utf8");
      const stored = (await (await gateway.post(good, NDJSON)).json()) as Answer;
      assert.equal(stored.stored, good.trim().split("\n").length);
      const refused = (await (await gateway.post(bad, NDJSON)).json()) as Answer;
      assert.equal(refused.stored, 0);
      assert.equal(refused.rejected.length, bad.trim().split("\n").length);
    }));
}

test("a bare directory of schemas is a pack: type = file name, topic events, usual members", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-pack-"));
  await cp(join(PACKS, "behaviour", "search.avsc"), join(directory, "find.avsc"));
  await withGateway(["--pack", directory], async (gateway) => {
    const data = { messageId: "b-1", timestamp: 1, userId: "u-1", query: "q", resultCount: 0 };
    const response = await gateway.post(JSON.stringify({ type: "find", data }));
    assert.equal(((await response.json()) as Answer).stored, 1);
    const [record] = await readAll(gateway.run.brokers, ["events"]);
    assert.equal(Buffer.from(record?.key ?? []).toString(), "u-1");
  });
  await rm(directory, { recursive: true });
});

test("an event whose defaults make more of it than Kafka takes is refused for good", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-pack-"));
  const pad = { name: "pad", type: "string", default: "d".repeat(1_000) };
  const items = { type: "array", items: { type: "record", name: "Item", fields: [pad] } };
  const schema = { type: "record", name: "cart", fields: [{ name: "items", type: items }] };
  await writeFile(join(directory, "cart.avsc"), JSON.stringify(schema));
  const flags = ["--pack", directory, "--kafka-message-bytes-max", "40000"];
  await withGateway(flags, async (gateway) => {
    const cart = (count: number) => {
      return { type: "cart", data: { items: Array.from({ length: count }, () => ({})) } };
    };
    const response = await gateway.post(JSON.stringify({ events: [cart(50), cart(30)] }));
    assert.equal(response.status, 200);
    const { stored, rejected } = (await response.json()) as Answer;
    assert.equal(stored, 1);
    assert.equal(rejected[0]?.["code"], "too_large");
    assert.match(rejected[0]?.["detail"] ?? "", /the record of this event is too large/);
  });
  await rm(directory, { recursive: true });
});

test("dead letters: the reason in headers, the payload by setting, rejected once they are stored", () =>
  withGateway(["--dead-letters", "raw"], async (gateway) => {
    const event = { type: "search", id: "d-1", data: { query: 5 } };
    const unknown = { type: "nonsense", id: "d-2", data: {} };
    const response = await gateway.post(JSON.stringify([event, unknown]));
    const answer = (await response.json()) as Answer;
    assert.equal(answer.rejected.length, 2);
    const letters = await readAll(gateway.run.brokers, ["behaviour-interaction.dlq", "sluice.dlq"]);
    assert.equal(letters.length, 2);
    for (const [index, letter] of letters.entries()) {
      const headers = Object.fromEntries(
        letter.headers.map(([name, value]) => [name, Buffer.from(value).toString()]),
      );
      assert.equal(headers["code"], answer.rejected[index]?.["code"]);
      assert.equal(headers["detail"], answer.rejected[index]?.["detail"]);
      assert.equal(headers["id"], index === 0 ? "d-1" : "d-2");
      assert.equal(headers["tenant"], "demo");
      const payload = JSON.parse(Buffer.from(letter.value ?? []).toString()) as object;
      assert.deepEqual(payload, index === 0 ? event : unknown);
    }
    const stored = await gateway.metric('sluice_dead_letters_total{result="stored"}');
    assert.equal(stored, 2);
    await gateway.ledger();
  }));

test("settings that cannot be are refused with a sentence and exit code 2", async () => {
  const env = { PATH: process.env["PATH"] };
  const run = promisify(execFile);
  const cases = {
    "an unknown flag": [["--prot", "1"], /--prot.*--port/s],
    "a value out of range": [["--port", "99999"], /--port/],
    "a public address without tenants": [["--host", "0.0.0.0"], /SLUICE_HOST.*SLUICE_TENANTS/s],
    "workers with embedded parts": [["--workers", "2"], /SLUICE_WORKERS/],
  } as const;
  for (const [name, [flags, sentence]] of Object.entries(cases)) {
    const failure = await run(process.execPath, [MAIN, "start", ...flags], { env }).then(
      () => assert.fail(`${name} must not start`),
      (error: unknown) => error as { readonly code: number; readonly stderr: string },
    );
    assert.equal(failure.code, 2, name);
    assert.match(failure.stderr, sentence, name);
  }
});

test("a second gateway on the same port says so and leaves", () =>
  withGateway([], async (gateway) => {
    const flags = ["start", "--port", String(gateway.port), "--admin-port", "0"];
    const further = [
      "--log-format",
      "json",
      "--data-dir",
      await mkdtemp(join(tmpdir(), "sluice-")),
    ];
    const failure = await promisify(execFile)(process.execPath, [MAIN, ...flags, ...further]).then(
      () => assert.fail("it must not start"),
      (error: unknown) => error as { readonly code: number; readonly stdout: string },
    );
    assert.equal(failure.code, 1);
    assert.match(failure.stdout, /cannot listen on 127\.0\.0\.1:/);
  }));
