/**
 * Programs that some suites need, got before the tests begin: a download within a test would count
 * as its time. k6 cannot be had everywhere: a suite without it is not run, which is said aloud; it
 * is neither green nor a failure of the project. Without another one there is no run at all.
 */
import { provideChromium } from "../services/chromium.mjs";
import { provideK6 } from "../services/k6.mjs";
import { ensurePrerequisites } from "../services/prerequisites.mjs";
import { TOOLS, toolsOf, type Tool } from "./suites.ts";

type Providers = Readonly<Record<Tool, () => Promise<unknown>>>;

const progress = (sentence: string): void => console.log(sentence);

const PROVIDERS: Providers = {
  chromium: () => provideChromium({ progress }),
  haproxy: () => ensurePrerequisites(["haproxy"], progress),
  // promtool comes with it.
  prometheus: () => ensurePrerequisites(["prometheus"], progress),
  k6: () => provideK6({ progress }),
};

/** What a machine may lack for good. */
const MAY_LACK: readonly Tool[] = ["k6"];

export interface Runnable {
  readonly files: readonly string[];
  /** A sentence for each file that is left out. */
  readonly notRun: readonly string[];
}

/**
 * Gets the programs that the files need, and leaves out the files whose program cannot be had
 * everywhere and is not there. Rejects when another one is missing.
 */
export async function leaveOutMissing(
  files: readonly string[],
  providers: Providers = PROVIDERS,
): Promise<Runnable> {
  const missing = new Map<Tool, string>();
  for (const tool of TOOLS.filter((each) => files.some((file) => toolsOf(file).includes(each)))) {
    try {
      await providers[tool]();
    } catch (error) {
      if (!MAY_LACK.includes(tool)) throw error;
      missing.set(tool, error instanceof Error ? error.message : String(error));
    }
  }
  const lackOf = (file: string): Tool | undefined =>
    toolsOf(file).find((tool) => missing.has(tool));
  const notRun = files.flatMap((file) => {
    const tool = lackOf(file);
    if (tool === undefined) return [];
    return [`${file} was not run: ${tool} cannot be had: ${missing.get(tool) ?? ""}`];
  });
  return { files: files.filter((file) => lackOf(file) === undefined), notRun };
}
