/** A WebSocket as streams see it, and what its upgrade request said of its client. */
import type { FrameContext } from "../codec/codec.ts";

export interface StreamSocket {
  /** False: the client reads too slowly, and the text was dropped. */
  send(text: string): boolean;
  /** Closes with a code, after what was sent. */
  end(code: number, reason: string): void;
  /** Closes at once, without a word: nothing would get through. */
  cut(): void;
}

/** What a connection brings from its upgrade request. */
export interface StreamPeer {
  /**
   * Credentials of the request (Authorization header or subprotocol value), null for none, and once
   * they have been used: a token is longer than everything else that is kept of an idle connection.
   */
  credentials: string | null;
  /** Those of its cookie, where there are no others; null or absent: none, or used. */
  cookie?: string | null;
  /** The client's; "" or absent: not known. */
  readonly address?: string;
  /** Of a checked certificate; "" without one. */
  readonly certificateSubject?: string;
  readonly origin: string;
  readonly loopback: boolean;
  /** The request's `traceparent`; "" or absent: none. */
  readonly clientTrace?: string;
  /** Values for fields that the gateway fills. */
  readonly sender: NonNullable<FrameContext["sender"]>;
}
