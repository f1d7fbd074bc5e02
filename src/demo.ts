/**
 * The demo page of a gateway that runs for its developer: a page with a button for each sample of
 * the pack, and `sluice/client` as browsers get it. Read once, at start. It knows no HTTP.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { isLoopback } from "./config/cross-rules.ts";
import type { Config } from "./config/options.ts";
import type { Pack } from "./schema/pack.ts";
import type { Page } from "./server/documents.ts";

const PAGE_FILE = new URL("../demo/index.html", import.meta.url);
const CLIENT_FILE = new URL("../build/client.js", import.meta.url);
const LIVE_FILE = new URL("../build/live.js", import.meta.url);

/** Buttons of each kind; more would hide the rest of the page. */
const SAMPLES_MAX = 12;

/** By path; none where others than its developer could see it, or without the client's bundle. */
export function demoPages(config: Config, pack: Pack): ReadonlyMap<string, Page> {
  const isOwn = config.tenants.length === 0 && isLoopback(config.host);
  if (!isOwn || !existsSync(CLIENT_FILE) || !existsSync(LIVE_FILE)) return new Map();
  const { name, payload, typeMember } = pack;
  const samples = {
    pack: name,
    payload,
    typeMember,
    good: readSamples(pack, "samples.ndjson"),
    bad: readSamples(pack, "samples.invalid.ndjson"),
  };
  return new Map([
    ["/demo", { contentType: "text/html; charset=utf-8", body: readFileSync(PAGE_FILE, "utf8") }],
    ["/demo/client.js", script(CLIENT_FILE)],
    ["/demo/live.js", script(LIVE_FILE)],
    ["/demo/samples.json", { contentType: "application/json", body: JSON.stringify(samples) }],
  ]);
}

function script(file: URL): Page {
  return { contentType: "text/javascript; charset=utf-8", body: readFileSync(file, "utf8") };
}

/** One event of each type, as objects; a pack need not have any. */
function readSamples({ directory, typeMember }: Pack, fileName: string): object[] {
  const file = join(directory, fileName);
  if (!existsSync(file)) return [];
  const byType = new Map<unknown, object>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const event = parseObject(line);
    if (event === undefined || byType.has(event[typeMember])) continue;
    byType.set(event[typeMember], event);
  }
  return [...byType.values()].slice(0, SAMPLES_MAX);
}

/** Undefined for a line that is no JSON object: bad samples may be anything. */
function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    // A JSON object: string keys, unknown values.
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
