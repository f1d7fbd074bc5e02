/** Texts of schemas by their number in the registry, for container files. */
import type { RegistryClient } from "../schema/registry.ts";
import { CommandError } from "./command.ts";
import type { RegistryPlace } from "./places.ts";
import { registryAt } from "./registry-for.ts";

export class SchemaTexts {
  readonly #registry: RegistryClient;
  readonly #texts = new Map<number, string>();

  constructor(place: RegistryPlace) {
    this.#registry = registryAt(place);
  }

  /** Throws CommandError when the registry does not give it, or it needs others beside it. */
  async text(id: number): Promise<string> {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const answer = await this.#registry.schemaById(id);
    if (answer.kind !== "found") {
      throw new CommandError(`The registry does not give schema ${id}: ${answer.detail}.`);
    }
    if (answer.value.references.length > 0) {
      throw new CommandError(`Schema ${id} refers to others, which a container file cannot hold.`);
    }
    this.#texts.set(id, answer.value.text);
    return answer.value.text;
  }

  close(): void {
    this.#registry.close();
  }
}
