/**
 * Writes Avro object container files (`sluice encode --ocf`): a header with the schema's own text,
 * then blocks of records. It makes bytes and knows nothing of files; who calls it writes them in
 * order. Format: Avro specification, "Object Container Files".
 */
import { deflateRawSync } from "node:zlib";

import { CONTAINER_BLOCK_BYTES_MAX } from "../limits/schemas.ts";

/** How blocks are compressed; every Avro reader has to know both. */
export const CONTAINER_CODECS = ["null", "deflate"] as const;
export type ContainerCodec = (typeof CONTAINER_CODECS)[number];

export interface ContainerOptions {
  /**
   * Text of the schema, stored byte for byte: readers see the names, docs and defaults as written.
   */
  readonly schemaText: string;
  readonly codec: ContainerCodec;
  /** 16 random bytes that end the header and every block. */
  readonly sync: Uint8Array;
}

const MAGIC = Buffer.from("Obj\u0001", "latin1");
const SYNC_BYTES = 16;

/** One file: first `header()`, then what `append` and `finish` return. */
export class ContainerWriter {
  readonly #options: ContainerOptions;
  #records: Buffer[] = [];
  #bytes = 0;

  /** Throws RangeError when `sync` is not 16 bytes. */
  constructor(options: ContainerOptions) {
    if (options.sync.length !== SYNC_BYTES) {
      throw new RangeError(`a sync marker has ${SYNC_BYTES} bytes, not ${options.sync.length}`);
    }
    this.#options = options;
  }

  header(): Buffer {
    const metadata: ReadonlyArray<readonly [string, string]> = [
      ["avro.codec", this.#options.codec],
      ["avro.schema", this.#options.schemaText],
    ];
    const entries = metadata.flatMap(([name, value]) => [sized(name), sized(value)]);
    return Buffer.concat([
      MAGIC,
      longBytes(metadata.length),
      ...entries,
      longBytes(0),
      this.#options.sync,
    ]);
  }

  /** Takes one record (Avro binary, copied); returns a block when one is full. */
  append(record: Uint8Array): Buffer | undefined {
    this.#records.push(Buffer.from(record));
    this.#bytes += record.length;
    // Records of no bytes (a schema of nulls) fill a block by their number.
    const isFull = this.#bytes + this.#records.length >= CONTAINER_BLOCK_BYTES_MAX;
    return isFull ? this.finish() : undefined;
  }

  /** The records that are still waiting, as a block; undefined when there are none. */
  finish(): Buffer | undefined {
    if (this.#records.length === 0) return undefined;
    const records = Buffer.concat(this.#records);
    const stored = this.#options.codec === "deflate" ? deflateRawSync(records) : records;
    const count = this.#records.length;
    this.#records = [];
    this.#bytes = 0;
    return Buffer.concat([longBytes(count), sized(stored), this.#options.sync]);
  }
}

/** Length and bytes, as Avro writes strings and bytes. */
function sized(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([longBytes(bytes.length), bytes]);
}

/** A count or length (0 … 2^51) as zig-zag varint. */
function longBytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value * 2;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
