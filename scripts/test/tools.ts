/**
 * Programs that some suites need and that cannot be had everywhere. A suite without its program is
 * not run, which is said aloud: it is neither green nor a failure of the project.
 */
import { provideK6 } from "../services/k6.mjs";
import { TOOLS, toolsOf, type Tool } from "./suites.ts";

type Providers = Readonly<Record<Tool, () => Promise<unknown>>>;

const PROVIDERS: Providers = {
  k6: () => provideK6({ progress: (sentence) => console.log(sentence) }),
};

export interface Runnable {
  readonly files: readonly string[];
  /** A sentence for each file that is left out. */
  readonly notRun: readonly string[];
}

/** Gets the programs that the files need, and leaves out the files whose program is not there. */
export async function leaveOutMissing(
  files: readonly string[],
  providers: Providers = PROVIDERS,
): Promise<Runnable> {
  const missing = new Map<Tool, string>();
  for (const tool of TOOLS.filter((each) => files.some((file) => toolsOf(file).includes(each)))) {
    try {
      await providers[tool]();
    } catch (error) {
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
