/**
 * Which topics a gateway with these settings, this pack and these tenants may write to. Knows
 * neither Kafka nor whether the topics are there.
 */
import type { TenantPolicy } from "./admission/policy.ts";
import type { TenantTable } from "./admission/tenants-file.ts";
import type { Config } from "./config/options.ts";
import type { Pack } from "./schema/pack.ts";

/** Of the topic of session news, where sluice makes it. */
const SESSION_PARTITIONS = 6;

/** The tenants of a table, each once. */
export function tenantsOf(table: Pick<TenantTable, "sources">): ReadonlySet<TenantPolicy> {
  return new Set([...table.sources.values()].map(({ tenant }) => tenant));
}

interface TopicParts {
  readonly config: Config;
  readonly pack: Pack;
}

/** Every topic that may be needed, with the partitions it gets where sluice makes it. */
export function neededTopics(
  parts: TopicParts,
  tenants: ReadonlySet<TenantPolicy>,
): Map<string, number> {
  const { sessionTopic, auditTopic } = parts.config;
  const partitions = eventTopics(parts, tenants);
  if (sessionTopic !== "") partitions.set(sessionTopic, SESSION_PARTITIONS);
  if (auditTopic !== "") partitions.set(auditTopic, 1);
  return partitions;
}

/** Those that an event's answer waits for: the tenants' own and those of dead letters too. */
export function eventTopics(
  { config, pack }: TopicParts,
  tenants: ReadonlySet<TenantPolicy>,
): Map<string, number> {
  const partitions = new Map<string, number>();
  for (const topic of pack.topics.values()) partitions.set(topic.name, topic.partitions);
  for (const { topics } of tenants) {
    for (const [type, topic] of topics) {
      const model = pack.topics.get(pack.types.get(type)?.topic ?? "");
      if (model !== undefined) partitions.set(topic, model.partitions);
    }
  }
  const modes = [
    config.deadLetters,
    ...[...tenants].map(({ deadLetters }) => deadLetters ?? "off"),
  ];
  if (modes.some((mode) => mode !== "off")) {
    const letters = [...partitions.keys()].map((topic) => `${topic}.dlq`);
    for (const topic of [...letters, "sluice.dlq"]) partitions.set(topic, 1);
  }
  return partitions;
}
