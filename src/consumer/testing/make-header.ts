/** Writes the header `sluice`, by docs/protocol.md §2.9 alone, for tests of what reads it. */

export interface HeaderParts {
  readonly flags?: number;
  /** UUID; none: all zeros. */
  readonly stream?: string;
  readonly epoch?: number;
  readonly seq?: number | bigint;
  readonly id?: string;
  readonly type?: string;
  readonly tenant?: string;
  /** Milliseconds since 1970. */
  readonly receivedAtMs?: number;
  readonly eventTimeMs?: number;
}

export function makeHeader(parts: HeaderParts): Buffer {
  const fixed = Buffer.alloc(46);
  fixed[0] = 1;
  fixed[1] = parts.flags ?? 0;
  Buffer.from((parts.stream ?? "").replaceAll("-", ""), "hex").copy(fixed, 2);
  fixed.writeUInt32BE(parts.epoch ?? 0, 18);
  fixed.writeBigUInt64BE(BigInt(parts.seq ?? 0), 22);
  fixed.writeBigInt64BE(BigInt(parts.receivedAtMs ?? 1_790_000_000_000), 30);
  fixed.writeBigInt64BE(BigInt(parts.eventTimeMs ?? -1), 38);
  const { tenant = "demo", type = "page", id = "" } = parts;
  const texts = [tenant, "web", type, id, ""].map((text) => {
    const bytes = Buffer.from(text);
    const length =
      bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
    return Buffer.concat([Buffer.from(length), bytes]);
  });
  return Buffer.concat([fixed, ...texts]);
}
