/** All façades, in the order in which they are asked whether a request is theirs. */
import type { FacadeMatch, FacadeRequest } from "./facade.ts";
import { cloudevents } from "./cloudevents.ts";
import { nativeFacade } from "./native.ts";
import { rudder } from "./rudder.ts";
import { segment } from "./segment.ts";
import { webhook } from "./webhook.ts";

/** The more special ones first: they share paths and differ by headers. */
const FACADES = [cloudevents, nativeFacade, webhook, rudder, segment] as const;

/** What a request is to the façade it belongs to; null: to none. */
export function matchFacade(request: FacadeRequest): FacadeMatch | null {
  for (const facade of FACADES) {
    const match = facade(request);
    if (match !== null) return match;
  }
  return null;
}
