/** What processes share, without Redis: entries in a map, and switches for the ways it fails. */
import type { SharedMemory } from "../shared-memory.ts";

export class FakeMemory implements SharedMemory {
  readonly entries = new Map<string, string>();
  isAsked = true;
  /** Nobody can tell in time. */
  isSilent = false;
  asked = 0;

  async find(keys: readonly string[]): Promise<readonly (string | null)[]> {
    this.asked += keys.length;
    return keys.map((key) => (this.isSilent ? null : (this.entries.get(key) ?? null)));
  }

  remember(key: string, { value }: { readonly value: string }): void {
    this.entries.set(key, value);
  }
}
