/**
 * Log lines as the Elastic Common Schema wants them (ECS 8, and the order and names of the
 * ecs-logging specification), so that Elasticsearch, OpenSearch and Kibana know their members
 * without a pipeline. What ECS has no name for goes below `sluice`.
 */
import type { LogFields } from "./log-fields.ts";

export const ECS_VERSION = "8.11.0";

/** Members of every line. */
export function ecsBase({ version, pid }: { readonly version: string; readonly pid: number }) {
  return {
    ecs: { version: ECS_VERSION },
    service: { name: "sluice", version },
    process: { pid },
  };
}

/** The fields of one line, made safe before. */
export function ecsFields(fields: LogFields): Record<string, unknown> {
  const { error, ...own } = fields;
  return {
    ...(error === undefined ? {} : { error: ecsError(error) }),
    ...(Object.keys(own).length === 0 ? {} : { sluice: own }),
  };
}

function ecsError(error: unknown): Record<string, unknown> {
  if (typeof error !== "object" || error === null) return { message: String(error) };
  // Made by safeFields: type, message and stack of an Error, or members of something else.
  const { type, message, stack, ...further } = error as Record<string, unknown>;
  return { type, message, stack_trace: stack, ...further };
}
