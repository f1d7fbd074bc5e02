/** The registry that a command asks for schemas. */
import { TAIL_REGISTRY_DEADLINE_MS } from "../limits/commands.ts";
import { RegistryClient } from "../schema/registry.ts";
import { CommandError, type Invocation } from "./command.ts";
import { findRegistry, settings, type RegistryPlace } from "./places.ts";

export function registryAt({ urls, auth }: RegistryPlace): RegistryClient {
  return new RegistryClient({
    urls,
    timeoutMs: TAIL_REGISTRY_DEADLINE_MS,
    deadlineMs: TAIL_REGISTRY_DEADLINE_MS,
    ...(auth !== undefined && { auth }),
  });
}

/** A topic can be read without a registry: then every value is hex and says why. */
export function registryFor(invocation: Invocation): RegistryClient | undefined {
  try {
    return registryAt(findRegistry(settings(invocation)));
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
