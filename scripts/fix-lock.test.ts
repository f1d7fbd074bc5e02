import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { fixLock, missingOptional } from "./fix-lock.mjs";
import { inRoot } from "./setup/paths.mjs";

const LOCK = readFileSync(inRoot("package-lock.json"), "utf8");

interface Entry {
  readonly dev?: boolean;
  readonly engines?: { readonly node: string };
}

/** What npm writes, as far as these tests look at it. */
function packagesOf(lock: string): Record<string, Entry> {
  return (JSON.parse(lock) as { packages: Record<string, Entry> }).packages;
}

describe("package-lock.json", () => {
  it("names every optional package, so that npm ci takes it", () => {
    assert.deepEqual(missingOptional(packagesOf(LOCK)), []);
    assert.match(LOCK, /"node_modules\/@uwsjs\/darwin-arm64-24"/);
  });

  it("names no registry", () => {
    assert.doesNotMatch(LOCK, /"resolved"/);
  });

  it("is as fixLock leaves it", () => {
    assert.equal(fixLock(LOCK), LOCK);
  });
});

describe("fixLock", () => {
  const lockWith = (optionalDependencies: Record<string, string>) =>
    JSON.stringify({ packages: { "node_modules/a": { dev: true, optionalDependencies } } });

  it("a platform's package that is missing: added as npm would pass over it elsewhere", () => {
    const fixed = packagesOf(fixLock(lockWith({ "@a/linux-x64-musl": "1.2.3" })));
    assert.deepEqual(fixed["node_modules/@a/linux-x64-musl"], {
      version: "1.2.3",
      cpu: ["x64"],
      libc: ["musl"],
      optional: true,
      os: ["linux"],
      dev: true,
    });
  });

  it("a package for one Node.js: says which", () => {
    const fixed = packagesOf(fixLock(lockWith({ "@uwsjs/win32-x64-26": "20.1.0" })));
    const entry = fixed["node_modules/@uwsjs/win32-x64-26"];
    assert.deepEqual(entry?.engines, { node: ">=26.0.0 <27.0.0" });
  });

  it("a name without a platform: refuses to guess", () => {
    assert.throws(() => fixLock(lockWith({ fsevents: "2.0.0" })), /cannot tell the platform/);
  });

  it("addresses of packages: dropped", () => {
    const lock = JSON.stringify({
      packages: { "node_modules/a": { resolved: "https://x/a.tgz" } },
    });
    assert.doesNotMatch(fixLock(lock), /resolved/);
  });
});
