// @ts-check
/** Says whether this machine can run sluice, before anything is fetched. */
import { SetupFailure } from "./failure.mjs";

/**
 * The newest glibc that this machine has, as [major, minor]; undefined where there is none (musl).
 *
 * @returns {readonly [number, number] | undefined}
 */
export function glibcVersion() {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  );
  const text = report.header.glibcVersionRuntime;
  if (text === undefined) return undefined;
  const [major, minor] = text.split(".").map(Number);
  return [major ?? 0, minor ?? 0];
}

/**
 * Throws a SetupFailure on a platform for which uWebSockets.js has no package.
 *
 * @param {{ platform: string, arch: string, glibc: boolean }} machine
 */
export function checkPlatform({ platform, arch, glibc }) {
  if (platform !== "linux" || arch !== "x64") {
    throw new SetupFailure(
      `sluice runs on Linux x86-64 only, this is ${platform} ${arch} (the npm registry has no ` +
        "uWebSockets.js for it); use a Linux x86-64 machine, a virtual one or a container.",
    );
  }
  if (!glibc) {
    throw new SetupFailure(
      "sluice needs a Linux with glibc, this one has another C library (musl, as on Alpine); " +
        "use Debian, Ubuntu, Fedora or another Linux with glibc.",
    );
  }
}
