/** What the host tells the module about a frame: context → the PARAMS page. */
import { assert } from "../lib/assert.ts";
import {
  INPUT_PADDING,
  MERGED_BYTES_MAX,
  MERGES_MAX,
  PARAM_DEFAULT_TYPE,
  PARAM_DEFAULT_TYPE_BYTES,
  PARAM_DIALECT,
  PARAM_EPOCH,
  PARAM_EVENT_BYTES_MAX,
  PARAM_EVENTS_MAX,
  PARAM_FLAGS,
  PARAM_HOST_BYTES,
  PARAM_HOST_TEXT,
  PARAM_MERGED,
  PARAM_MERGED_END,
  PARAM_ORIGIN,
  PARAM_ORIGIN_BYTES,
  PARAM_PAYLOAD,
  PARAM_POISON,
  PARAM_RECEIVED_AT,
  PARAM_SHAPE,
  PARAM_STREAM,
  PARAM_TYPE_MEMBER,
  PARAM_TYPE_MEMBER_BYTES,
  PARAMS,
  PAYLOAD_DATA,
  PAYLOAD_WHOLE,
  SHAPE_JSON,
  SHAPE_NDJSON,
  SHAPE_PUB,
  TABLE_ROWS,
  TEXT,
  TEXT_BYTES,
} from "./abi.gen.ts";
import { compileDialect, type Dialect } from "./dialect.ts";
import type { Instance } from "./instance.ts";

/** Never changed once it was used: a codec that is given the same object again does not look. */
export interface FrameContext {
  /** json: told apart by content; pub: a WebSocket frame, events from its `events` member. */
  readonly shape: "json" | "ndjson" | "pub";
  /** data: the native envelope's `data` is the record; whole: the bare event is. */
  readonly payload: "data" | "whole";
  /** payload whole: top-level member that holds the type. */
  readonly typeMember: string;
  readonly tenant: string;
  readonly source: string;
  readonly receivedAtMs: number;
  /** Type of events that name none. */
  readonly defaultType?: string;
  /** Longer events are `tooLarge`; absent: no bound but the frame's. */
  readonly eventBytesMax?: number;
  /** At most TABLE_ROWS_MAX. */
  readonly eventsMax: number;
  /** Header columns stream (16 bytes) and epoch; seq is the frame's `seq` + index. */
  readonly stream?: { readonly id: Uint8Array; readonly epoch: number };
  /** Header flags to set: 1 redelivery possible, 2 replay. */
  readonly flags?: number;
  /** How the frame's façade writes events; absent: natively. Kept, and compared by identity. */
  readonly dialect?: Dialect;
  /** A sound JSON text (of an object) that the dialect merges into events; at most 8 KiB. */
  readonly hostMembers?: string;
  /** Values for fields that the gateway fills, where they are known. */
  readonly sender?: { readonly ip?: string; readonly userAgent?: string };
  /** Key of the hashes that fields with `sluice.privacy: "hmac"` become; needed by their plans. */
  readonly privacySalt?: string;
}

const SHAPES = { json: SHAPE_JSON, ndjson: SHAPE_NDJSON, pub: SHAPE_PUB } as const;
const POISON_BYTES = TABLE_ROWS / 8;
const TEXT_SHARE_BYTES = TEXT_BYTES / 4;
const NO_LIMIT = 0x7fffffff;

const encoder = new TextEncoder();

/** Where dialects and texts of merged events lie; a codec without dialects has no such place. */
export interface DialectPlace {
  readonly block: number;
  readonly hostText: number;
  readonly merged: number;
  readonly mergedEnd: number;
}

/** Bytes for a dialect's block, and for each text behind it. */
const BLOCK_BYTES = 16 * 1024;
const HOST_BYTES = MERGED_BYTES_MAX + INPUT_PADDING;
/** What is merged into all events of a frame, as assembly/envelope/merge.ts bounds it; padding. */
const EXTRA_BYTES = 5 * 1024 * 1024;

/** Bytes of a place for frames of at most `inputBytesMax` bytes. */
export function dialectPlaceBytes(inputBytesMax: number): number {
  // Each event is copied; the last one also in steps, one for each merged member.
  return BLOCK_BYTES + HOST_BYTES + EXTRA_BYTES + (1 + MERGES_MAX) * inputBytesMax;
}

export function dialectPlace(start: number, inputBytesMax: number): DialectPlace {
  return {
    block: start,
    hostText: start + BLOCK_BYTES,
    merged: start + BLOCK_BYTES + HOST_BYTES,
    mergedEnd: start + dialectPlaceBytes(inputBytesMax),
  };
}

export function clearPoison(view: DataView): void {
  new Uint8Array(view.buffer, PARAMS + PARAM_POISON, POISON_BYTES).fill(0);
}

/** Marks an event that trapped: the module will not touch it. */
export function poison(view: DataView, row: number): void {
  const at = PARAMS + PARAM_POISON + (row >> 3);
  view.setUint8(at, view.getUint8(at) | (1 << (row & 7)));
}

/** Writes contexts; what stays the same from frame to frame is written once. */
export class FrameWriter {
  #tenant: string | undefined;
  #source: string | undefined;
  #defaultType: string | undefined;
  #typeMember: string | undefined;
  #hasStream = true;
  #dialect: Dialect | undefined;
  #last: FrameContext | undefined;

  /** Forgets what the former instance knew. */
  reset(): void {
    this.#last = undefined;
    this.#tenant = undefined;
    this.#defaultType = undefined;
    this.#typeMember = undefined;
    this.#hasStream = true;
    this.#dialect = undefined;
  }

  /** `place`: needed where the context has a dialect. */
  write(instance: Instance, context: FrameContext, place?: DialectPlace): void {
    if (context === this.#last) return;
    this.#last = context;
    const { view } = instance;
    assert(context.eventsMax <= TABLE_ROWS, "a frame's events fit the record table");
    const payload = context.payload === "data" ? PAYLOAD_DATA : PAYLOAD_WHOLE;
    view.setUint32(PARAMS + PARAM_SHAPE, SHAPES[context.shape], true);
    view.setUint32(PARAMS + PARAM_PAYLOAD, payload, true);
    view.setUint32(PARAMS + PARAM_EVENTS_MAX, context.eventsMax, true);
    view.setUint32(PARAMS + PARAM_EVENT_BYTES_MAX, context.eventBytesMax ?? NO_LIMIT, true);
    view.setUint32(PARAMS + PARAM_FLAGS, context.flags ?? 0, true);
    view.setFloat64(PARAMS + PARAM_RECEIVED_AT, context.receivedAtMs, true);
    this.#writeStream(instance, context);
    if (context.tenant !== this.#tenant || context.source !== this.#source) {
      this.#writeOrigin(instance, context);
    }
    this.#writeTexts(instance, context);
    if (context.dialect !== undefined || this.#dialect !== undefined) {
      this.#writeDialect(instance, context, place);
    }
  }

  #writeDialect(
    instance: Instance,
    { dialect, hostMembers = "" }: FrameContext,
    place: DialectPlace | undefined,
  ): void {
    const { view, memory } = instance;
    if (dialect !== this.#dialect) {
      this.#dialect = dialect;
      if (dialect === undefined) {
        view.setUint32(PARAMS + PARAM_DIALECT, 0, true);
        return;
      }
      assert(place !== undefined, "a dialect has a place");
      const { bytes, fixups } = compileDialect(dialect);
      assert(bytes.length <= BLOCK_BYTES, "dialects are small");
      memory.set(bytes, place.block);
      for (const fixup of fixups) {
        const at = place.block + fixup;
        view.setUint32(at, view.getUint32(at, true) + place.block, true);
      }
      view.setUint32(PARAMS + PARAM_DIALECT, place.block, true);
      view.setUint32(PARAMS + PARAM_MERGED, place.merged, true);
      view.setUint32(PARAMS + PARAM_MERGED_END, place.mergedEnd, true);
      view.setUint32(PARAMS + PARAM_HOST_TEXT, place.hostText, true);
    }
    if (place === undefined) return;
    const text = encoder.encode(hostMembers);
    assert(text.length <= MERGED_BYTES_MAX, "the host's members are short");
    memory.set(text, place.hostText);
    memory.fill(0, place.hostText + text.length, place.hostText + text.length + INPUT_PADDING);
    view.setUint32(PARAMS + PARAM_HOST_BYTES, text.length, true);
  }

  #writeStream(instance: Instance, { stream }: FrameContext): void {
    if (stream === undefined && !this.#hasStream) return;
    this.#hasStream = stream !== undefined;
    instance.view.setUint32(PARAMS + PARAM_EPOCH, stream?.epoch ?? 0, true);
    if (stream === undefined) {
      instance.memory.fill(0, PARAMS + PARAM_STREAM, PARAMS + PARAM_STREAM + 16);
      return;
    }
    assert(stream.id.length === 16, "a stream's id is 16 bytes");
    instance.memory.set(stream.id, PARAMS + PARAM_STREAM);
  }

  /** Tenant and source as the header has them. */
  #writeOrigin(instance: Instance, { tenant, source }: FrameContext): void {
    const parts = [tenant, source].flatMap((text) => {
      const bytes = encoder.encode(text);
      return [...lengthBytes(bytes.length), ...bytes];
    });
    assert(parts.length <= TEXT_SHARE_BYTES, "tenant and source are short");
    instance.memory.set(parts, TEXT);
    instance.view.setUint32(PARAMS + PARAM_ORIGIN, TEXT, true);
    instance.view.setUint32(PARAMS + PARAM_ORIGIN_BYTES, parts.length, true);
    this.#tenant = tenant;
    this.#source = source;
  }

  #writeTexts(instance: Instance, context: FrameContext): void {
    const defaultType = context.defaultType ?? "";
    if (defaultType !== this.#defaultType) {
      const at = TEXT + TEXT_SHARE_BYTES;
      const bytes = writeText(instance, at, defaultType);
      instance.view.setUint32(PARAMS + PARAM_DEFAULT_TYPE, at, true);
      instance.view.setUint32(PARAMS + PARAM_DEFAULT_TYPE_BYTES, bytes, true);
      this.#defaultType = defaultType;
    }
    if (context.typeMember !== this.#typeMember) {
      const at = TEXT + 2 * TEXT_SHARE_BYTES;
      const bytes = writeText(instance, at, context.typeMember);
      instance.view.setUint32(PARAMS + PARAM_TYPE_MEMBER, at, true);
      instance.view.setUint32(PARAMS + PARAM_TYPE_MEMBER_BYTES, bytes, true);
      this.#typeMember = context.typeMember;
    }
  }
}

function writeText(instance: Instance, at: number, text: string): number {
  const bytes = encoder.encode(text);
  assert(bytes.length <= TEXT_SHARE_BYTES, "types and member names are short");
  instance.memory.set(bytes, at);
  return bytes.length;
}

/** Unsigned LEB128. */
export function lengthBytes(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}
