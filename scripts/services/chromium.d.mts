export interface Chromium {
  readonly program: string;
  /** What its environment needs besides the usual. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ChromiumOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly progress?: (sentence: string) => void;
}

/** Throws when the one that was named is not there, or none can be fetched. */
export function provideChromium(options?: ChromiumOptions): Promise<Chromium>;
export function fetchedChromium(progress?: (sentence: string) => void): Promise<Chromium>;
