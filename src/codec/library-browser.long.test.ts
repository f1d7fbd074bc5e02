/** `sluice/codec` in a real browser: headless Chromium loads it from loopback and encodes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { after, before, it } from "node:test";

import { provideChromium } from "../../scripts/services/chromium.mjs";
import { packLibrary, type PackedLibrary } from "./testing/packed-library.ts";

const DEADLINE_MS = 60_000;
/** Quiet, without the sandbox that root may not have, and without calls to anybody. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const PAGE = `<!doctype html><script type="module">
  const answer = (text) => fetch("/answer", { method: "POST", body: text });
  try {
    const { createEncoder } = await import("/library/codec/library-browser.js");
    const schema = '{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}';
    const encoder = await createEncoder({ schema });
    const lines = [...encoder.encode(new TextEncoder().encode('{"n":1}\\n{"n":[]}'))];
    await answer(lines[0].avro.join() + " " + lines[1].fault.path);
  } catch (error) {
    await answer(String(error));
  }
</script>`;

let library: PackedLibrary;
before(async () => {
  library = await packLibrary();
});
after(() => library.remove());

it("encodes in Chromium", async () => {
  const { program, environment } = await provideChromium();
  const answered = Promise.withResolvers<string>();
  const server = serve(library, answered.resolve);
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const profile = join(library.project, "profile");
  const url = `http://127.0.0.1:${address.port}/`;
  const words = [...FLAGS, `--user-data-dir=${profile}`, "--remote-debugging-port=0", url];
  const browser = spawn(program, words, {
    stdio: "ignore",
    detached: true,
    env: { ...process.env, ...environment },
  });
  const timer = setTimeout(() => answered.reject(new Error("no answer")), DEADLINE_MS);
  browser.once("exit", (code) => answered.reject(new Error(`Chromium ended with code ${code}`)));
  try {
    assert.equal(await answered.promise, "2 /n");
  } finally {
    clearTimeout(timer);
    server.close();
    server.closeAllConnections();
    const ended = new Promise((resolve) => browser.once("exit", resolve));
    // Chromium is many processes: its group is ended.
    if (browser.pid !== undefined && browser.exitCode === null) {
      process.kill(-browser.pid, "SIGKILL");
      await ended;
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});

function serve({ folder }: PackedLibrary, onAnswer: (text: string) => void): Server {
  const types = { js: "text/javascript", wasm: "application/wasm" } as const;
  return createServer((request, response) => {
    const path = request.url ?? "/";
    if (path === "/answer") {
      let text = "";
      request.setEncoding("utf8");
      request.on("data", (part: string) => (text += part));
      request.on("end", () => {
        response.end();
        onAnswer(text);
      });
      return;
    }
    const file = join(folder, "build", path);
    if (path.startsWith("/library/") && existsSync(file)) {
      response.setHeader("content-type", path.endsWith(".wasm") ? types.wasm : types.js);
      response.end(readFileSync(file));
    } else if (path === "/") {
      response.setHeader("content-type", "text/html");
      response.end(PAGE);
    } else response.writeHead(404).end();
  });
}
