/**
 * `sluice/client/live` as others get it, in Node.js and in a real browser, against a real gateway
 * behind a proxy that can be cut: every event is given once, whatever happens to the connection.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, test } from "node:test";

import { packLibrary } from "../../src/codec/testing/packed-library.ts";
import { TestBrowser } from "../browser.ts";
import { Gateway } from "../gateway.ts";
import { TcpProxy } from "../tcp-proxy.ts";

let gateway: Gateway;
let proxy: TcpProxy;
before(async () => {
  gateway = await Gateway.start();
  proxy = await TcpProxy.start({ host: "127.0.0.1", port: gateway.port });
});
after(async () => {
  await proxy.stop();
  await gateway.stop();
});

let sent = 0;

/** Gives the ids. */
async function send(count: number): Promise<readonly string[]> {
  const events = Array.from({ length: count }, () => {
    sent += 1;
    const id = `m-${sent}`;
    const facts = { anonymousId: `v-${sent % 5}`, query: "tea", resultCount: sent };
    return { type: "search", data: { messageId: id, timestamp: Date.now(), ...facts } };
  });
  const response = await gateway.post(JSON.stringify({ events }));
  const { stored } = (await response.json()) as { readonly stored: number };
  assert.equal(stored, count);
  return events.map(({ data }) => data.messageId);
}

/** Sends before, during and after cuts; what a subscriber has seen in the end is judged. */
async function judge(seen: () => Promise<readonly string[]>): Promise<void> {
  const ids = [...(await send(50))];
  for (let round = 0; round < 2; round += 1) {
    proxy.cut();
    ids.push(...(await send(50)));
    proxy.restore();
    ids.push(...(await send(50)));
  }
  while ((await seen()).length < ids.length) await delay(50);
  ids.push(...(await send(1)));
  while (!(await seen()).includes(ids.at(-1) ?? "")) await delay(50);
  assert.deepEqual((await seen()).toSorted(), ids.toSorted());
}

const PROGRAM = `
import { subscribe } from "sluice/client/live";
subscribe({
  url: process.argv[2],
  types: ["search"],
  onEvent: ({ value }) => console.log("event " + value.messageId),
  onState: (state) => console.log("state " + state),
});
`;

test("in Node.js: every event once, over cuts", async () => {
  const library = await packLibrary();
  const file = join(library.project, "program.mjs");
  writeFileSync(file, PROGRAM);
  const url = `http://127.0.0.1:${proxy.port}`;
  const child = spawn(process.execPath, [file, url], {
    cwd: library.project,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
  });
  try {
    while (!text.includes("state live")) await delay(20);
    await judge(() =>
      Promise.resolve([...text.matchAll(/^event (.+)$/gm)].map(([, id]) => id ?? "")),
    );
    assert.ok(text.includes("state offline"), "it was cut");
  } finally {
    child.kill();
    library.remove();
  }
});

interface PageWindow {
  readonly ids: string[];
  readonly states: string[];
}

const SUBSCRIBE = `import("/demo/live.js").then(({ subscribe }) => {
  globalThis.ids = [];
  globalThis.states = [];
  subscribe({
    url: location.origin,
    types: ["search"],
    onEvent: ({ value }) => ids.push(value.messageId),
    onState: (state) => states.push(state),
  });
})`;

test("in a browser: every event once, over cuts", async () => {
  await using browser = await TestBrowser.open();
  const page = await browser.tab(`http://127.0.0.1:${proxy.port}/demo`);
  await page.evaluate(SUBSCRIBE);
  await page.waitForFunction(() => {
    return (globalThis as unknown as PageWindow).states.includes("live");
  });
  await judge(() => page.evaluate(() => (globalThis as unknown as PageWindow).ids));
  const states = await page.evaluate(() => (globalThis as unknown as PageWindow).states);
  assert.ok(states.includes("offline"), "it was cut");
});
