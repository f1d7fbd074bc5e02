/**
 * Produce requests: which partitions they are for and where their records lie; and the answer a
 * broker would give if it said one error code of every partition.
 */
import { API, isFlexible } from "./protocol.ts";
import type { RequestHeader } from "./protocol.ts";
import type { WireReader } from "./wire.ts";
import { WireWriter } from "./wire.ts";

/** Earlier versions carry other record formats and are spoken by nobody. */
const PRODUCE_VERSION_MIN = 3;
const PRODUCE_VERSION_MAX = 9;

export interface ProducePart {
  readonly topic: string;
  readonly partition: number;
  /** Where its records lie in the request. */
  readonly start: number;
  readonly end: number;
}

export interface ProduceRequest {
  readonly acks: number;
  readonly parts: readonly ProducePart[];
}

/** Reads on behind the header; null for versions that are not known here. */
export function readProduce(reader: WireReader, apiVersion: number): ProduceRequest | null {
  if (apiVersion < PRODUCE_VERSION_MIN || apiVersion > PRODUCE_VERSION_MAX) return null;
  const flexible = isFlexible(API.Produce, apiVersion);
  reader.tags(flexible);
  reader.string(flexible); // Transactional id.
  const acks = reader.int16();
  reader.skip(4); // Timeout.
  const parts: ProducePart[] = [];
  const topics = reader.arrayLength(flexible);
  for (let index = 0; index < topics; index += 1) {
    const topic = reader.string(flexible) ?? "";
    const partitions = reader.arrayLength(flexible);
    for (let each = 0; each < partitions; each += 1) {
      const partition = reader.int32();
      const bytes = Math.max(0, flexible ? reader.uvarint() - 1 : reader.int32());
      const start = reader.at;
      reader.skip(bytes);
      parts.push({ topic, partition, start, end: reader.at });
      reader.tags(flexible);
    }
    reader.tags(flexible);
  }
  return { acks, parts };
}

/** The answer to a Produce request with one error code for each of its partitions. */
export function produceAnswer(
  { apiVersion, correlationId }: RequestHeader,
  request: ProduceRequest,
  code: number,
): Buffer {
  const flexible = isFlexible(API.Produce, apiVersion);
  const byTopic = Map.groupBy(request.parts, ({ topic }) => topic);
  const writer = new WireWriter().int32(correlationId).tags(flexible);
  writer.arrayLength(byTopic.size, flexible);
  for (const [topic, parts] of byTopic) {
    writer.string(topic, flexible).arrayLength(parts.length, flexible);
    for (const { partition } of parts) {
      // Base offset and append time: none.
      writer.int32(partition).int16(code).int64(-1n).int64(-1n);
      if (apiVersion >= 5) writer.int64(-1n); // Log start offset.
      if (apiVersion >= 8) writer.arrayLength(0, flexible).string(null, flexible);
      writer.tags(flexible);
    }
    writer.tags(flexible);
  }
  return writer.int32(0).tags(flexible).toBuffer();
}
