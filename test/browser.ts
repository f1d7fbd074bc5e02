/**
 * A real, headless Chromium for tests, driven over the DevTools protocol. Whoever opens one closes
 * it: `await using`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { launch } from "puppeteer-core";
import type { Browser, Page } from "puppeteer-core";

import { provideChromium } from "../scripts/services/chromium.mjs";
import type { Chromium } from "../scripts/services/chromium.mjs";

/** Quiet, without the sandbox that root may not have, and without calls to anybody. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What a browser on a busy machine may take to start, to load a page, to show what is awaited. */
const PATIENCE_MS = 90_000;

export class TestBrowser {
  readonly browser: Browser;
  readonly #profile: string;

  private constructor(browser: Browser, profile: string) {
    this.browser = browser;
    this.#profile = profile;
  }

  static async open(chromium?: Chromium): Promise<TestBrowser> {
    const progress = (sentence: string): void => console.error(sentence);
    const { program, environment } = chromium ?? (await provideChromium({ progress }));
    const profile = mkdtempSync(join(tmpdir(), "sluice-browser-"));
    const browser = await launch({
      executablePath: program,
      headless: true,
      args: FLAGS,
      userDataDir: profile,
      // Its processes are many: all of them go with the group.
      handleSIGINT: false,
      env: { ...process.env, ...environment },
      timeout: PATIENCE_MS,
    });
    return new TestBrowser(browser, profile);
  }

  /** An empty tab. */
  async page(): Promise<Page> {
    const page = await this.browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    return page;
  }

  /** A tab; tabs of one browser share storage, locks and channels. */
  async tab(url: string): Promise<Page> {
    const page = await this.page();
    page.on("pageerror", (error) => console.error("page:", String(error)));
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20 });
  }
}
