/**
 * `POST /v1/tickets` (docs/protocol.md §2.3): credentials in the head → a ticket that opens one
 * connection within seconds. It reads no body.
 */
import type { Admission, Principal } from "../admission/admission.ts";
import { credentialsOf } from "../admission/credentials.ts";
import { TICKET_TTL_MS } from "../limits/admission.ts";
import { jsonReply, problemReply } from "../protocol/reply.ts";
import type { Reply } from "../protocol/reply.ts";
import { refusalOf } from "./ingest.ts";
import { applicantOf } from "./request.ts";
import type { RequestHead } from "./request.ts";

export interface TicketDoorParts {
  readonly admission: Admission;
  /** The server is bound to loopback only. */
  readonly loopback: boolean;
}

/** What to answer; never rejects. */
export async function ticketReply(
  { admission, loopback }: TicketDoorParts,
  { head, requestId }: { readonly head: RequestHead; readonly requestId: string },
): Promise<Reply> {
  if (head.framingFault !== null) {
    return problemReply("bad_request", { requestId, detail: head.framingFault, close: true });
  }
  const { authorization, "x-write-key": writeKey } = head.header;
  const credentials = credentialsOf({ authorization, writeKey, query: "" });
  const admitted = await admission.admit({ ...applicantOf(head, loopback), credentials });
  if (admitted.kind === "refused") {
    const [code, options] = refusalOf(admitted);
    return problemReply(code, { ...options, requestId, close: true });
  }
  return ticketOf(admission, admitted.principal, requestId);
}

function ticketOf(admission: Admission, principal: Principal, requestId: string): Reply {
  const ticket = admission.ticketFor(principal);
  const members = { ticket, expires_in: Math.floor(TICKET_TTL_MS / 1_000), request_id: requestId };
  return { ...jsonReply(200, members), headers: { "Cache-Control": "no-store" } };
}
