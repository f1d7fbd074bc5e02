/** A codec for tests: routes by name, frames in, plain values out. */
import assert from "node:assert/strict";

import type { Fault } from "../../errors.ts";
import { parseAvroSchema } from "../../schema/avro/schema.ts";
import { compilePlan, type RoutePointers } from "../../schema/plan/compile.ts";
import { type Codec, type FrameContext, type FrameResult, type PlanHandle } from "../codec.ts";
import { createCodec, type CreateOptions } from "../create-codec.ts";

export const NO_POINTERS: RoutePointers = { id: [], key: [], time: [], actor: [], session: [] };

export const PRIVACY_SALT = "a salt for tests only";

export const RECEIVED_AT_MS = 1_800_000_000_000;

const encoder = new TextEncoder();

export interface TestRoute {
  readonly type: string;
  readonly schemaText: string;
  readonly json?: "plain" | "avro";
  readonly pointers?: Partial<RoutePointers>;
  readonly schemaRef?: string;
  readonly schemaId?: number;
  readonly header?: boolean;
  readonly keyRequired?: boolean;
}

export interface Row {
  readonly status: number;
  /** Avro without the registry header; empty if the event was refused. */
  readonly avro: Buffer;
  readonly value: Buffer;
  readonly ignored: number;
  readonly id: string;
  readonly key: string;
  readonly keyHash: number;
  readonly actor: string;
  readonly session: string;
  readonly schema: string;
  readonly event: string;
  readonly timeMs: number;
  readonly route: number;
  readonly header: Buffer;
  readonly fault: Fault | undefined;
}

export class Harness {
  readonly codec: Codec;
  readonly #plans = new Map<number, PlanHandle>();
  readonly #free: number[] = [];
  #routes = 0;

  private constructor(codec: Codec) {
    this.codec = codec;
  }

  static async create(options: CreateOptions = {}): Promise<Harness> {
    return new Harness(await createCodec(options));
  }

  /** Adds a route; returns its index. */
  route(route: TestRoute): number {
    const plan = this.codec.loadPlan(
      compilePlan(parseAvroSchema(route.schemaText), {
        json: route.json ?? "plain",
        pointers: { ...NO_POINTERS, ...route.pointers },
        hasPrivacySalt: true,
      }),
    );
    const index = this.#free.pop() ?? this.#routes++;
    this.#plans.set(index, plan);
    this.codec.setRoute(index, {
      type: route.type,
      plan,
      schemaId: route.schemaId ?? 1,
      header: route.header ?? false,
      keyRequired: route.keyRequired ?? false,
      ...(route.schemaRef === undefined ? {} : { schemaRef: route.schemaRef }),
    });
    return index;
  }

  /** Removes a route and frees its plan. */
  drop(index: number): void {
    const plan = this.#plans.get(index);
    assert(plan !== undefined, "the route is there");
    this.codec.removeRoute(index);
    this.codec.freePlan(plan);
    this.#plans.delete(index);
    this.#free.push(index);
  }

  frame(frame: string | Uint8Array, context: Partial<FrameContext> = {}): FrameResult {
    const bytes = typeof frame === "string" ? encoder.encode(frame) : frame;
    return this.codec.encode(bytes, {
      shape: "json",
      payload: "data",
      typeMember: "",
      tenant: "acme",
      source: "web",
      receivedAtMs: RECEIVED_AT_MS,
      eventsMax: 2_500,
      privacySalt: PRIVACY_SALT,
      ...context,
    });
  }

  /** The rows of a frame that must be taken. */
  rows(frame: string | Uint8Array, context: Partial<FrameContext> = {}): Row[] {
    const result = this.frame(frame, context);
    assert.equal(result.kind, "table", result.kind === "fault" ? result.detail : "");
    return Array.from({ length: result.kind === "table" ? result.table.count : 0 }, (_, row) =>
      this.#row(result, row),
    );
  }

  /** One bare record of a type. */
  record(type: string, text: string | Uint8Array): Row {
    // A line is an event whatever it holds; as JSON an array would be many events.
    const isLine = typeof text === "string" && !text.includes("\n");
    const shape = isLine ? "ndjson" : "json";
    const [row] = this.rows(text, { shape, payload: "whole", defaultType: type });
    assert(row !== undefined, "one event is one row");
    return row;
  }

  #row(result: FrameResult, row: number): Row {
    assert(result.kind === "table", "rows come from tables");
    const { table } = result;
    const bytes = (start: Uint32Array, end: Uint32Array): Buffer =>
      Buffer.from(table.memory.slice(start[row], end[row]));
    const value = bytes(table.valueStart, table.valueEnd);
    const status = table.status[row] ?? -1;
    return {
      status,
      value,
      avro: value.subarray(5),
      ignored: table.ignored[row] ?? -1,
      id: bytes(table.idStart, table.idEnd).toString(),
      key: bytes(table.keyStart, table.keyEnd).toString(),
      keyHash: table.keyHash[row] ?? -1,
      actor: bytes(table.actorStart, table.actorEnd).toString(),
      session: bytes(table.sessionStart, table.sessionEnd).toString(),
      schema: bytes(table.schemaStart, table.schemaEnd).toString(),
      event: bytes(table.eventStart, table.eventEnd).toString(),
      timeMs: table.timeMs[row] ?? -1,
      route: table.route[row] ?? -2,
      header: bytes(table.headerStart, table.headerEnd),
      fault: status === 0 ? undefined : this.codec.describe(row),
    };
  }
}

/** The schema text of a record with these fields. */
export function recordOf(fields: Readonly<Record<string, unknown>>, name = "R"): string {
  return JSON.stringify({
    type: "record",
    name,
    fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
  });
}
