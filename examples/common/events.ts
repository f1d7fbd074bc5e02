/**
 * Sends events to a gateway until each is stored. An event keeps its id, so that sending it again
 * does no harm: whoever reads knows it by that.
 */
import { setTimeout as delay } from "node:timers/promises";

interface Answer {
  readonly rejected?: readonly { readonly detail?: string }[];
  readonly retry?: readonly { readonly index: number }[];
}

const RETRY_MS = 300;

export interface Sender {
  readonly url: string;
  readonly writeKey: string;
  readonly signal: AbortSignal;
}

/**
 * Events in the form of the pack. Resolves when all are stored; throws when one is refused for
 * good, or on the signal.
 */
export async function sendUntilStored(
  { url, writeKey, signal }: Sender,
  events: readonly object[],
): Promise<void> {
  let left = events;
  while (left.length > 0) {
    signal.throwIfAborted();
    const answer = await post({ url, writeKey, signal }, left);
    const [refused] = answer?.rejected ?? [];
    if (refused !== undefined) throw new Error(`an event was refused: ${refused.detail}`);
    if (answer !== undefined) {
      const again = new Set((answer.retry ?? []).map(({ index }) => index));
      left = left.filter((_, index) => again.has(index));
    }
    if (left.length > 0) await delay(RETRY_MS, undefined, { signal });
  }
}

/** Undefined: nobody answered, or nothing was taken; what became of the events is not known. */
async function post(
  { url, writeKey, signal }: Sender,
  events: readonly object[],
): Promise<Answer | undefined> {
  try {
    const response = await fetch(`${url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${writeKey}`, "content-type": "application/json" },
      body: JSON.stringify(events),
      signal,
    });
    const answer = (await response.json()) as Answer & { readonly stored?: number };
    return answer.stored === undefined ? undefined : answer;
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}
