/**
 * What all WebSocket doors do before a socket is there: is the request sound, how is it refused.
 */
import type { HttpResponse } from "uWebSockets.js";
import { waitSeconds } from "../protocol/rate-limit.ts";
import type { TurnedAway } from "../quota/doorman.ts";
import type { RequestHead } from "./request.ts";

export function refuse(response: HttpResponse, refusal: string): void {
  response.cork(() => {
    response.writeStatus("400 Bad Request");
    response.writeHeader("Sec-WebSocket-Version", "13");
    response.writeHeader("Content-Type", "text/plain; charset=utf-8");
    response.end(`${refusal}\n`, true);
  });
}

export function turnAway(response: HttpResponse, { detail, waitMs }: TurnedAway): void {
  response.cork(() => {
    response.writeStatus("429 Too Many Requests");
    response.writeHeader("Retry-After", String(waitSeconds(waitMs)));
    response.writeHeader("Content-Type", "text/plain; charset=utf-8");
    response.end(`${detail}\n`, true);
  });
}

/** uWebSockets looks at the length of the key only (RFC 6455 §4.2.1 wants more). */
export function upgradeRefusal(
  head: RequestHead,
  { offered, subprotocol }: { readonly offered: readonly string[]; readonly subprotocol: string },
): string | null {
  if (head.framingFault !== null) return head.framingFault;
  const { "content-length": length, "transfer-encoding": coding } = head.header;
  if (!/^0*$/.test(length) || coding !== "") return "an upgrade has no body";
  if (head.header["sec-websocket-version"] !== "13") return "Sec-WebSocket-Version must be 13";
  if (!/^[A-Za-z0-9+/]{22}==$/.test(head.header["sec-websocket-key"])) {
    return "Sec-WebSocket-Key must be 16 bytes in base64";
  }
  // A browser fails a connection whose subprotocol was not echoed; so it learns the reason here.
  return offered.includes(subprotocol) ? null : `the subprotocol to offer is ${subprotocol}`;
}
