/**
 * Dead letters: what is kept of an event that was refused for good, so that it can be mended and
 * sent again. One record in `<topic>.dlq` (`sluice.dlq` where the type is unknown): the reason in
 * its headers, the payload only where the operator asked for it raw. `rejected` is answered after
 * it is stored; if it cannot be stored, the event is `retry`.
 */
import { createHash } from "node:crypto";
import type { DeadLetterMode, TenantPolicy } from "../admission/policy.ts";
import type { Fault } from "../errors.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { FrameContext } from "../codec/codec.ts";
import type { RecordTable } from "../records.ts";
import type { Batch } from "./batch.ts";
import type { Sender } from "./permits.ts";
import type { Route, RouteBook } from "./routes.ts";

const UNKNOWN_TYPE_TOPIC = "sluice.dlq";
const NOTHING = new Uint8Array(0);

export interface DeadLettersOptions {
  readonly delivery: Delivery;
  readonly routes: RouteBook;
  /**
   * Where a tenant has no setting of its own. `off`: nothing is kept; `none`: the reason alone;
   * `redacted`: and a hash of the event; `raw`: the event as it was sent.
   */
  readonly payload: DeadLetterMode;
}

/** The frame that a refused event came in, while it is open. */
export interface LetterFrame {
  readonly batch: Batch;
  readonly table: RecordTable;
  readonly context: FrameContext;
}

export interface RefusedEvent {
  readonly sender: Sender;
  readonly row: number;
  readonly id: string;
  readonly fault: Fault;
}

export class DeadLetters {
  readonly #options: DeadLettersOptions;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** kept: the batch will hear of the record; full: there is no room for it now. */
  keep(frame: LetterFrame, refused: RefusedEvent): "kept" | "full" | "off" {
    const { delivery, routes } = this.#options;
    const tenant = refused.sender.policy.tenant;
    const payload = tenant.deadLetters ?? this.#options.payload;
    if (payload === "off") return "off";
    const { table, context, batch } = frame;
    const { row, id, fault } = refused;
    const event = table.memory.subarray(table.eventStart[row], table.eventEnd[row]);
    const route = routes.get(table.route[row] ?? -1);
    const headers: (readonly [string, string])[] = [
      ["code", fault.code],
      // The detail quotes the value that does not fit.
      ...(payload === "raw" ? [["detail", fault.detail] as const] : []),
      ["tenant", context.tenant],
      ["source", context.source],
      ["dialect", context.dialect === undefined ? "native" : "other"],
      ["received_at", new Date(batch.receivedAtMs).toISOString()],
    ];
    if (payload === "redacted") headers.push(["payload_sha256", sha256(event)]);
    if (fault.kind !== undefined) headers.push(["kind", fault.kind]);
    if (fault.path !== undefined) headers.push(["path", fault.path]);
    if (route !== undefined) headers.push(["type", route.type.type]);
    if (id !== "") headers.push(["id", id]);
    const letter = {
      topic: letterTopic(route, tenant),
      index: row,
      tenant: delivery.tenant(context.tenant),
      key: null,
      value: payload === "raw" ? event : NOTHING,
      headers,
    };
    return delivery.deadLetter(letter, batch) ? "kept" : "full";
  }
}

function letterTopic(route: Route | undefined, tenant: TenantPolicy): string {
  if (route === undefined) return UNKNOWN_TYPE_TOPIC;
  const { type, topic } = route.type;
  return `${tenant.topics.get(type) ?? topic}.dlq`;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
