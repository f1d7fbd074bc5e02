/**
 * Reads the entries of the `tenants` setting. Says who a write key belongs to, not what he may do.
 */
import type { Config } from "./options.ts";

export interface WriteKeyEntry {
  readonly tenant: string;
  readonly source: string;
  readonly writeKey: string;
}

/** What everybody is where no tenants are set. */
export const DEMO_ENTRY: WriteKeyEntry = { tenant: "demo", source: "default", writeKey: "demo" };

const DEFAULT_SOURCE = "default";

/** One entry per write key; only the demo tenant where none are set. The config was checked. */
export function writeKeys(config: Pick<Config, "tenants">): readonly WriteKeyEntry[] {
  if (config.tenants.length === 0) {
    return [DEMO_ENTRY];
  }
  return config.tenants.map((entry) => {
    const equals = entry.indexOf("=");
    const [tenant = "", source = DEFAULT_SOURCE] = entry.slice(0, equals).split("/");
    return { tenant, source, writeKey: entry.slice(equals + 1) };
  });
}
