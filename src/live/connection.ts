/** A connection of the live feed, by whichever door it came: what is said on it, its request. */
import type { CloseName } from "../errors.ts";
import type { LiveFrame } from "./frames.ts";

/** A connection as subscribers see it. */
export interface LiveSocket {
  /** What cannot be written now is kept, and counted by `buffered`. */
  send(frame: LiveFrame): void;
  /** From now on it gets what is published on the channel. */
  join(channel: string): void;
  leave(channel: string): void;
  /** Bytes that wait to be read. */
  buffered(): number;
  /** Closes, after what was sent. */
  end(name: CloseName, detail: string): void;
}

/** What a connection brings from its request. */
export interface LivePeer {
  readonly credentials: string | null;
  /** Credentials of its cookie, where there are no others; null or absent: none. */
  readonly cookie?: string | null;
  readonly address: string;
  readonly certificateSubject: string;
  readonly origin: string;
  readonly loopback: boolean;
}
