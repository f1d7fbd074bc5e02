/** JSON events → Avro with the registry's five bytes in front, by avsc. */
import avsc from "avsc";

import { parseAvroSchema } from "../../src/schema/avro/schema.ts";
import { loadPack } from "../../src/schema/pack.ts";
import { makeConvert, type Convert } from "../codec/convert.ts";

export interface IncomingEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EncodedEvent {
  readonly topic: string;
  readonly key: string | null;
  readonly value: Buffer;
}

interface Encoder {
  readonly topic: string;
  readonly avscType: avsc.Type;
  readonly convert: Convert | undefined;
  readonly head: Buffer;
}

const HEAD_BYTES = 5;
/** Room for most events; avsc says how much was missing for the others. */
const SCRATCH_BYTES = 64 * 1024;

export class Encoders {
  readonly #byType: ReadonlyMap<string, Encoder>;
  readonly #scratch = Buffer.alloc(SCRATCH_BYTES);

  private constructor(byType: ReadonlyMap<string, Encoder>) {
    this.#byType = byType;
  }

  static async ofPack(name: string, packsDirectory: string): Promise<Encoders> {
    const pack = await loadPack(name, packsDirectory);
    const byType = new Map<string, Encoder>();
    for (const [type, { schemaText, topic }] of pack.types) {
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUInt32BE(byType.size + 1, 1);
      byType.set(type, {
        topic,
        avscType: avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema),
        convert: makeConvert(parseAvroSchema(schemaText), { isThorough: false }),
        head,
      });
    }
    return new Encoders(byType);
  }

  encode(event: IncomingEvent): EncodedEvent | { readonly fault: string } {
    const encoder = this.#byType.get(event.type);
    if (encoder === undefined) return { fault: "unknown type" };
    const { topic, avscType, convert, head } = encoder;
    const value = convert === undefined ? event.data : convert(event.data);
    if (!avscType.isValid(value)) return { fault: "the event does not fit its schema" };
    const scratch = this.#scratch;
    scratch.set(head);
    const end = avscType.encode(value, scratch, HEAD_BYTES);
    const { anonymousId, userId } = event.data;
    const key = anonymousId ?? userId;
    return {
      topic,
      key: typeof key === "string" ? key : null,
      // The client copies it before it returns.
      value: end > 0 ? scratch.subarray(0, end) : Buffer.concat([head, avscType.toBuffer(value)]),
    };
  }
}
