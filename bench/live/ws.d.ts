/** The part of the package ws that the baseline of bench/live.ts uses. */
declare module "ws" {
  import type { EventEmitter } from "node:events";

  export class WebSocketServer extends EventEmitter {
    constructor(options: {
      readonly host: string;
      readonly port: number;
      readonly perMessageDeflate: boolean;
    });
    readonly clients: Iterable<{ send(text: string): void }>;
    address(): unknown;
  }
}
