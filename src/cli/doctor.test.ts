/** `sluice doctor` without any server: what is embedded, what is wrong, what does not answer. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { ensureCertificates } from "../../scripts/services/certificates.mjs";
import { loadConfig } from "../config/load.ts";
import { checkClock } from "./doctor/clock-check.ts";
import { findingsText, type Finding } from "./doctor/finding.ts";
import { checkDescriptors, checkLocal } from "./doctor/local-check.ts";
import { runCommand } from "./testing/run-command.ts";

/** Nobody listens there. */
const NOWHERE = "127.0.0.1:1";

describe("sluice doctor", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-doctor-"));
  });
  after(() => rm(directory, { recursive: true }));

  async function examine(env: Readonly<Record<string, string>>, ...argv: readonly string[]) {
    const run = await runCommand(["doctor", "--json", ...argv], { env });
    const report = JSON.parse(run.stdout) as {
      readonly ok: boolean;
      readonly checks: readonly Finding[];
    };
    const found = (check: string): Finding | undefined =>
      report.checks.find((finding) => finding.check === check);
    return { code: run.code, ok: report.ok, found };
  }

  it("everything inside the process, is well; the clock has nothing to compare with", async () => {
    const { code, ok, found } = await examine({ UV_THREADPOOL_SIZE: "16" });
    assert.equal(code, 0);
    assert.equal(ok, true);
    for (const check of [
      "settings",
      "pack",
      "thread pool",
      "codec",
      "kafka",
      "registry",
      "redis",
    ]) {
      assert.equal(found(check)?.status, "ok", check);
    }
    assert.equal(found("clock")?.status, "unchecked");
  });

  it("servers that do not answer, are failures that name the place and the setting", async () => {
    const { code, ok, found } = await examine({
      SLUICE_KAFKA_BROKERS: NOWHERE,
      SLUICE_REGISTRY_URL: `http://${NOWHERE}`,
      SLUICE_REDIS_URL: `redis://user:hidden@${NOWHERE}`,
    });
    assert.equal(code, 1);
    assert.equal(ok, false);
    for (const check of ["kafka", "registry", "redis"] as const) {
      const finding = found(check);
      assert.equal(finding?.status, "failed", check);
      assert.ok(finding.text.includes(NOWHERE) && !finding.text.includes("hidden"), finding.text);
      assert.match(finding.mend ?? "", new RegExp(`SLUICE_${check.toUpperCase()}`));
      assert.ok(finding.command !== undefined);
    }
  });

  it("wrong settings or a wrong pack, are exit code 2 and nothing else is looked at", async () => {
    const wrong = await examine({ SLUICE_PROT: "1" });
    assert.equal(wrong.code, 2);
    assert.match(wrong.found("settings")?.text ?? "", /did you mean SLUICE_PORT/);
    assert.equal((await examine({ SLUICE_PACK: "none" })).code, 2);
  });

  it("a tenants file that would be refused, and too few threads, are found", async () => {
    const file = join(directory, "tenants.json");
    await writeFile(file, '{"tenants":{"shop":{"sources":{"web":{"types":["pgae"]}}}}}');
    const { code, found } = await examine({
      SLUICE_TENANTS_FILE: file,
      SLUICE_KAFKA_LANES: "8",
      UV_THREADPOOL_SIZE: "4",
    });
    assert.equal(code, 1);
    assert.match(found("tenants")?.text ?? "", /no type "pgae"/);
    assert.equal(found("thread pool")?.status, "warning");
    assert.equal(found("thread pool")?.command, "export UV_THREADPOOL_SIZE=10");
  });

  it("a certificate that is none, is a failure with the reason", async () => {
    const file = join(directory, "none.pem");
    await writeFile(file, "no certificate");
    const { code, found } = await examine({
      SLUICE_TLS_CERT_FILE: file,
      SLUICE_TLS_KEY_FILE: file,
    });
    assert.equal(code, 1);
    assert.equal(found("certificate")?.status, "failed");
  });

  it("a certificate that ends soon is a warning, one that has ended a failure", async () => {
    const { certificate, key } = await ensureCertificates(join(directory, "tls"));
    const loaded = loadConfig({
      argv: [`--tls-cert-file=${certificate}`, `--tls-key-file=${key}`],
      env: {},
      readFile: () => "",
      isTty: false,
    });
    assert.equal(loaded.kind, "config");
    if (loaded.kind !== "config") return;
    const endMs = Date.parse(new X509Certificate(await readFile(certificate)).validTo);
    const dayMs = 86_400_000;
    for (const [daysLeft, status] of [
      [30, "ok"],
      [13, "warning"],
      [-1, "failed"],
    ] as const) {
      const nowMs = endMs - daysLeft * dayMs;
      const findings = await checkLocal(loaded.config, { env: {}, nowMs });
      assert.equal(findings.find(({ check }) => check === "certificate")?.status, status);
    }
  });

  it("a data directory below a file, is a warning", async () => {
    const file = join(directory, "file");
    await writeFile(file, "");
    const loaded = loadConfig({
      argv: [`--data-dir=${join(file, "below")}`],
      env: {},
      readFile: () => "",
      isTty: false,
    });
    assert.equal(loaded.kind, "config");
    const findings =
      loaded.kind === "config" ? await checkLocal(loaded.config, { env: {}, nowMs: 0 }) : [];
    assert.equal(findings.find(({ check }) => check === "data directory")?.status, "warning");
  });
});

describe("clocks and lines", () => {
  it("a clock that is off by more than could be mismeasured, is a warning", () => {
    const [near, far] = checkClock([
      { of: "A", offsetMs: 2_400, errorMs: 500 },
      { of: "B", offsetMs: -61_000, errorMs: 500 },
    ]);
    assert.equal(near?.status, "ok");
    assert.equal(far?.status, "warning");
    assert.equal(far.text, "61.0 s ahead of that of B");
  });

  it("advice that repeats is given once, and colours on terminals only", () => {
    const advice = { status: "failed", text: "gone", mend: "make them", command: "make" } as const;
    const findings = [
      { check: "a", ...advice },
      { check: "bb", ...advice },
    ];
    const lines = [
      "failed    a   gone",
      "failed    bb  gone",
      "          mend: make them",
      "          $ make",
      "0 ok, 0 warning, 2 failed, 0 unchecked",
      "",
    ];
    assert.deepEqual(findingsText(findings, false).split("\n"), lines);
    assert.ok(findingsText(findings, true).includes("\u001b[31mfailed"));
  });
});

it("file descriptors: enough for the connections that are allowed, and for the rest", () => {
  const limits = (soft: string) => `Limit  Soft  Hard\nMax open files   ${soft}   524288   files\n`;
  assert.equal(checkDescriptors(limits("51024"), 50_000).status, "ok");
  assert.equal(checkDescriptors(limits("unlimited"), 50_000).status, "ok");
  assert.equal(checkDescriptors("", 50_000).status, "unchecked");
  const short = checkDescriptors(limits("20000"), 50_000);
  assert.equal(short.status, "warning");
  assert.match(short.mend ?? "", /LimitNOFILE=51024.*SLUICE_CONNECTIONS_MAX to 18976/);
});
