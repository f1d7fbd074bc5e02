/**
 * The addresses of brokers in answers: found, and replaced by the proxy's, so that a client never
 * learns how to pass it by. Also keeps the versions that clients may use to those read here.
 */
import { API, isFlexible, VERSION_MAX } from "./protocol.ts";
import { WireReader, WireWriter } from "./wire.ts";

const UNSUPPORTED_VERSION = 35;

export interface AnswerKind {
  readonly apiKey: number;
  readonly apiVersion: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An address in an answer: whose it is, and which bytes say host and port. */
export interface AddressField extends Address {
  readonly node: number;
  readonly start: number;
  readonly end: number;
}

/** All addresses in an answer, in their order; those that say "none" are left out. */
export function addressesIn(answer: Buffer, kind: AnswerKind): AddressField[] {
  // Every answer begins with the correlation id.
  const reader = new WireReader(answer, 4);
  switch (kind.apiKey) {
    case API.Metadata:
      return inMetadata(reader, kind.apiVersion);
    case API.FindCoordinator:
      return inCoordinators(reader, kind.apiVersion);
    default:
      return [];
  }
}

export function namesAddresses(apiKey: number): boolean {
  return apiKey === API.Metadata || apiKey === API.FindCoordinator;
}

/** The answer with `targets` in the place of `fields`, one for one. */
export function replaceAddresses(
  answer: Buffer,
  options: {
    readonly kind: AnswerKind;
    readonly fields: readonly AddressField[];
    readonly targets: readonly Address[];
  },
): Buffer {
  const { kind, fields, targets } = options;
  const isCompact = hasCompactAddresses(kind);
  const writer = new WireWriter();
  let at = 0;
  for (const [index, field] of fields.entries()) {
    const target = targets[index];
    if (target === undefined) throw new Error("an address has no target");
    writer.raw(answer.subarray(at, field.start)).string(target.host, isCompact).int32(target.port);
    at = field.end;
  }
  return writer.raw(answer.subarray(at)).toBuffer();
}

/** A Metadata answer with its list of brokers empty. */
export function withoutBrokers(answer: Buffer, apiVersion: number): Buffer {
  const flexible = isFlexible(API.Metadata, apiVersion);
  const reader = new WireReader(answer, 4);
  reader.tags(flexible);
  if (apiVersion >= 3) reader.skip(4); // Throttle time.
  const start = reader.at;
  brokersIn(reader, { flexible, hasRack: apiVersion >= 1 });
  return new WireWriter()
    .raw(answer.subarray(0, start))
    .arrayLength(0, flexible)
    .raw(answer.subarray(reader.at))
    .toBuffer();
}

function hasCompactAddresses({ apiKey, apiVersion }: AnswerKind): boolean {
  return apiKey === API.Metadata
    ? isFlexible(API.Metadata, apiVersion)
    : isFlexible(API.FindCoordinator, apiVersion);
}

function inMetadata(reader: WireReader, apiVersion: number): AddressField[] {
  const flexible = isFlexible(API.Metadata, apiVersion);
  reader.tags(flexible);
  if (apiVersion >= 3) reader.skip(4); // Throttle time.
  return brokersIn(reader, { flexible, hasRack: apiVersion >= 1 });
}

/** One coordinator until version 3, from then on a list by key. */
function inCoordinators(reader: WireReader, apiVersion: number): AddressField[] {
  const flexible = isFlexible(API.FindCoordinator, apiVersion);
  reader.tags(flexible);
  if (apiVersion >= 1) reader.skip(4); // Throttle time.
  const fields: AddressField[] = [];
  if (apiVersion < 4) {
    reader.skip(2); // Error code.
    if (apiVersion >= 1) reader.string(flexible); // Error message.
    fields.push(fieldAt(reader, flexible));
  } else {
    const count = reader.arrayLength(flexible);
    for (let index = 0; index < count; index += 1) {
      reader.string(flexible); // Key.
      fields.push(fieldAt(reader, flexible));
      reader.skip(2);
      reader.string(flexible);
      reader.tags(flexible);
    }
  }
  return fields.filter(({ port }) => port > 0);
}

function brokersIn(
  reader: WireReader,
  { flexible, hasRack }: { readonly flexible: boolean; readonly hasRack: boolean },
): AddressField[] {
  const fields: AddressField[] = [];
  const count = reader.arrayLength(flexible);
  for (let index = 0; index < count; index += 1) {
    fields.push(fieldAt(reader, flexible));
    if (hasRack) reader.string(flexible);
    reader.tags(flexible);
  }
  return fields;
}

/** Node id, host and port, as they stand together in every message. */
function fieldAt(reader: WireReader, flexible: boolean): AddressField {
  const node = reader.int32();
  const start = reader.at;
  const host = reader.string(flexible) ?? "";
  const port = reader.int32();
  return { node, host, port, start, end: reader.at };
}

/**
 * An ApiVersions answer in which nobody is offered a version beyond those read here. The answer's
 * header is never flexible, whatever the version, so that old clients can read a refusal.
 */
export function capVersions(answer: Buffer, apiVersion: number): Buffer {
  const reader = new WireReader(answer, 4);
  if (reader.int16() === UNSUPPORTED_VERSION) return answer;
  const capped = Buffer.from(answer);
  const flexible = isFlexible(API.ApiVersions, apiVersion);
  const count = reader.arrayLength(flexible);
  for (let index = 0; index < count; index += 1) {
    const apiKey = reader.int16();
    reader.skip(2);
    const versionMax = Math.min(capped.readInt16BE(reader.at), VERSION_MAX.get(apiKey) ?? Infinity);
    capped.writeInt16BE(versionMax, reader.at);
    reader.skip(2);
    reader.tags(flexible);
  }
  return capped;
}
