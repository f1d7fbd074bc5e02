/** What a person sees when sluice starts with embedded parts: what is volatile, and what to try. */
import type { Config } from "./config/options.ts";
import type { Pack } from "./schema/pack.ts";

export interface BannerFacts {
  readonly config: Config;
  readonly pack: Pack;
  readonly url: string;
  readonly adminUrl: string;
}

const EMBEDDED = [
  {
    option: "kafkaBrokers",
    what: "Kafka      inside this process: VOLATILE, gone when it ends",
    flag: "--kafka-brokers HOST:PORT",
  },
  {
    option: "redisUrl",
    what: "sessions   in memory",
    flag: "--redis-url redis://HOST:PORT",
  },
  {
    option: "registryUrl",
    what: "schemas    from the pack",
    flag: "--registry-url http://HOST:PORT",
  },
] as const satisfies readonly { option: keyof Config; what: string; flag: string }[];

/** The parts that run inside the process, each with the setting that replaces it. */
export function embeddedParts(config: Config): readonly (typeof EMBEDDED)[number][] {
  return EMBEDDED.filter(({ option }) => config[option].length === 0);
}

/** Lines of plain text, "" when nothing is embedded. */
export function banner(facts: BannerFacts): string {
  const { config, pack, url, adminUrl } = facts;
  const parts = embeddedParts(config);
  if (parts.length === 0) return "";
  const [topic] = pack.topics.keys();
  const samples = `packs/${pack.name}/samples.ndjson`;
  return [
    "",
    `  sluice · pack ${pack.name} · ${pack.types.size} types`,
    "",
    ...parts.map(({ what, flag }) => `  ${what.padEnd(60)} replace: ${flag}`),
    "",
    `  send     curl -s ${url}/v1/events -H 'content-type: application/x-ndjson' \\`,
    `             --data-binary @${samples}`,
    `  look     ${url}/demo`,
    `  read     ./sluice tail ${topic ?? "TOPIC"} --from-beginning`,
    `  watch    ${adminUrl}/console`,
    "",
    "",
  ].join("\n");
}
