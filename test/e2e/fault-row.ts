/**
 * The frame of a fault row on a real gateway: topics of its own, a load, the fault, the healing,
 * the judge. What every row asserts stands here; a row adds what is special about it.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { Gateway } from "../gateway.ts";
import { writeCorpusPack } from "./corpus.ts";
import type { CorpusPack } from "./corpus.ts";
import { Load } from "./load.ts";
import type { LoadOptions } from "./load.ts";
import { readAll } from "./read-back.ts";

export interface FaultRow {
  readonly gateway: Gateway;
  readonly load: Load;
  readonly pack: CorpusPack;
}

export interface FaultRowOptions {
  /** What the gateway is told. */
  readonly brokers: string;
  /** Where the judge reads; default: the same. */
  readonly readFrom?: string;
  readonly flags?: readonly string[];
  /** Flags of Node.js. */
  readonly nodeFlags?: readonly string[];
  readonly load?: Partial<Omit<LoadOptions, "gateway" | "run">>;
  /** Ends the fault, also when the row has failed. */
  readonly heal: () => void | Promise<void>;
}

/**
 * For rows in which nobody may be told: a fault that is healed inside takes as long as the machine
 * is slow, and no deadline of the gateway may come first.
 */
export const PATIENT: readonly string[] = [
  ["--http-deadline-ms", "45000", "--kafka-message-timeout-ms", "45000"],
  ["--drain-deadline-ms", "60000"],
].flat();

const HEALED_EVENTS = 500;
/** Of the gateway's log, when a row fails. */
const OUTPUT_SHOWN = 4_000;

/**
 * A gateway under load and warm; `run` does the harm. Afterwards fresh events are stored (I8), the
 * ledger balances with nothing in flight (I5), Kafka holds what was answered (I1–I4, I9), and the
 * gateway leaves with 0.
 */
export async function faultRow(
  options: FaultRowOptions,
  run: (row: FaultRow) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  try {
    const prefix = `sluice-test-${randomBytes(4).toString("hex")}`;
    const pack = await writeCorpusPack(join(directory, "pack"), prefix);
    const places = ["--pack", pack.directory, "--kafka-brokers", options.brokers];
    const flags = [...places, "--create-topics", ...(options.flags ?? [])];
    const { nodeFlags = [] } = options;
    await using gateway = await Gateway.start({ flags, nodeFlags });
    const load = await Load.start({ http: 2, streams: 1, ...options.load, gateway, run: prefix });
    try {
      await load.more(200);
      await run({ gateway, load, pack });
    } catch (error) {
      console.log(gateway.output.slice(-OUTPUT_SHOWN));
      throw error;
    } finally {
      await options.heal();
    }
    await load.more(HEALED_EVENTS);
    await load.stop();
    while ((await gateway.ledger())["in_flight"] !== 0) await delay(20);
    load.judge(await readAll(options.readFrom ?? options.brokers, pack.topics));
    assert.equal(await gateway.stop(), 0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Waits until the gateway says of itself what it should. */
export async function readiness(gateway: Gateway, status: number): Promise<void> {
  while ((await fetch(`${gateway.adminUrl}/readyz`)).status !== status) await delay(50);
}

/** Memory of a process that is not swapped out, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** Connections that say nothing; those that were not taken are among them. */
export async function crowd(port: number, size: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: size }, () => connect(port, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => {});
  await delay(500);
  return sockets;
}
