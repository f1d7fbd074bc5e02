/**
 * Who is measured by `bench/path.ts`, under which loads, and with what: the arms of a comparison.
 */
import type { Load } from "./load.ts";
import type { Backends, ServerKind, ServerOptions } from "./servers.ts";

const SWIFT_KAFKA = new URL("swift-kafka.ts", import.meta.url).href;

export interface PartOptions {
  readonly backends: Backends;
  /** Of each measurement; null: what the part takes by itself. */
  readonly seconds: number | null;
  readonly rounds: number | null;
  /** Another checkout's gateway that takes turns with this one; "": none. */
  readonly against: string;
  /** Gateways confirm their records by themselves. */
  readonly isKafkaLeftOut?: boolean;
  /** Who takes part in `measureCosts`. */
  readonly arms?: readonly Arm[];
  /** Told what was measured. */
  readonly say: (sentence: string) => void;
}

/** Enough in flight for the server to be the one that is waited for. */
export const LOADS: Readonly<Record<string, Load>> = {
  "WS 1": { transport: "ws", eventsPerFrame: 1, connections: 64, inFlight: 32, rate: 0 },
  "WS 10": { transport: "ws", eventsPerFrame: 10, connections: 32, inFlight: 16, rate: 0 },
  "WS 100": { transport: "ws", eventsPerFrame: 100, connections: 16, inFlight: 4, rate: 0 },
  "HTTP 1": { transport: "http", eventsPerFrame: 1, connections: 512, inFlight: 1, rate: 0 },
  "HTTP 10": { transport: "http", eventsPerFrame: 10, connections: 256, inFlight: 1, rate: 0 },
  "HTTP 100": { transport: "http", eventsPerFrame: 100, connections: 64, inFlight: 1, rate: 0 },
};

/** `bare`: sluice without its header on records, which the baseline does not write either. */
export type Arm = "sluice" | "bare" | "baseline" | "against";

export function armOptions(
  arm: Arm,
  { backends, against, isKafkaLeftOut }: PartOptions,
): [ServerKind, ServerOptions] {
  if (arm === "baseline") return ["baseline", backends];
  if (arm === "bare") return ["sluice", { ...backends, isHeaderless: true }];
  const swift = isKafkaLeftOut === true ? { nodeFlags: ["--import", SWIFT_KAFKA] } : {};
  return ["sluice", { ...backends, ...swift, ...(arm === "against" ? { main: against } : {}) }];
}
