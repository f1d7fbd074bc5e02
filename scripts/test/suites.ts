/**
 * Which test files there are and what they need. The name says it: x.kafka.test.ts needs a real
 * Kafka, x.chromium.test.ts a browser, x.e2e.test.ts every server, a browser and a balancer,
 * x.long.test.ts is left to `npm run test:long`.
 */
import { globSync } from "node:fs";

export const SERVICES = ["kafka", "redis", "registry", "postgres"] as const;
export type Service = (typeof SERVICES)[number];

/** Programs that are got before the tests: none of them waits for a download. */
export const TOOLS = ["chromium", "haproxy", "prometheus", "k6"] as const;
export type Tool = (typeof TOOLS)[number];
const TOOLS_OF_E2E: readonly Tool[] = ["chromium", "haproxy"];

const FOLDERS = ["src", "test", "scripts", "assembly", "packs", "bench", "loadtest", "examples"];
const PATTERNS = FOLDERS.map((folder) => `${folder}/**/*.test.{ts,mjs}`);

/** All test files below a folder, with paths relative to it, sorted. */
export function findTestFiles(root: string): string[] {
  return globSync(PATTERNS, { cwd: root }).toSorted();
}

/** The servers without which a test file cannot run. */
export function servicesOf(file: string): readonly Service[] {
  const words = suffixes(file);
  if (words.includes("e2e")) return SERVICES;
  return SERVICES.filter((service) => words.includes(service));
}

/** The programs without which a test file cannot run. */
export function toolsOf(file: string): readonly Tool[] {
  const words = suffixes(file);
  if (words.includes("e2e")) return TOOLS_OF_E2E;
  return TOOLS.filter((tool) => words.includes(tool));
}

export function isLong(file: string): boolean {
  return suffixes(file).includes("long");
}

/** The words between a test file's name and `test.ts`: ["kafka", "long"]. */
function suffixes(file: string): string[] {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return name.split(".").slice(1, -2);
}
