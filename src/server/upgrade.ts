/**
 * What all WebSocket doors do before a socket is there: is the request sound, how is it refused.
 */
import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import {
  authorizationCredentials,
  cookieCredentials,
  subprotocolCredentials,
} from "../admission/credentials.ts";
import { waitSeconds } from "../protocol/rate-limit.ts";
import type { Doorman, TurnedAway } from "../quota/doorman.ts";
import type { Neighbours } from "./nearby.ts";
import { readHead } from "./request.ts";
import type { RequestHead } from "./request.ts";

export interface UpgradeDoor {
  readonly doorman: Doorman;
  readonly neighbours: Neighbours;
  readonly subprotocol: string;
  /** An upgrade request was not sound. */
  readonly onRefused?: () => void;
}

export interface Upgrade {
  readonly head: RequestHead;
  /** Of the header, the subprotocols or the URL; null: they come in the first frame, or never. */
  readonly credentials: string | null;
  /** Of the cookie. */
  readonly cookie: string | null;
}

/** What a sound upgrade brings; null: the request has been answered. */
export function readUpgrade(
  response: HttpResponse,
  request: HttpRequest,
  { doorman, neighbours, subprotocol, onRefused }: UpgradeDoor,
): Upgrade | null {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  const nearby = neighbours.of(response);
  if (nearby === null) {
    onRefused?.();
    response.close();
    return null;
  }
  const head = readHead(request, nearby);
  const away = doorman.handshake(head.address);
  if (away !== null) {
    turnAway(response, away);
    return null;
  }
  const offered = head.header["sec-websocket-protocol"].split(",").map((name) => name.trim());
  const refusal = upgradeRefusal(head, { offered, subprotocol });
  if (refusal !== null) {
    onRefused?.();
    // In a turn of its own, so that nothing behind it in the same bytes is answered: see http.ts.
    setImmediate(() => {
      if (!isGone) refuse(response, refusal);
    });
    return null;
  }
  const credentials =
    authorizationCredentials(head.header.authorization) ??
    subprotocolCredentials(offered) ??
    new URLSearchParams(head.query).get("ticket");
  return { head, credentials, cookie: cookieCredentials(head.headers.get("cookie") ?? "") };
}

function refuse(response: HttpResponse, refusal: string): void {
  response.cork(() => {
    response.writeStatus("400 Bad Request");
    response.writeHeader("Sec-WebSocket-Version", "13");
    response.writeHeader("Content-Type", "text/plain; charset=utf-8");
    response.end(`${refusal}\n`, true);
  });
}

function turnAway(response: HttpResponse, { detail, waitMs }: TurnedAway): void {
  response.cork(() => {
    response.writeStatus("429 Too Many Requests");
    response.writeHeader("Retry-After", String(waitSeconds(waitMs)));
    response.writeHeader("Content-Type", "text/plain; charset=utf-8");
    response.end(`${detail}\n`, true);
  });
}

/** uWebSockets looks at the length of the key only (RFC 6455 §4.2.1 wants more). */
function upgradeRefusal(
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
