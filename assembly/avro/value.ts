/**
 * One value of a plan's node. Every encoder takes (position, node) and returns what follows, or 0.
 */
import {
  FAULT_RANGE,
  FAULT_TYPE,
  KIND_ARRAY,
  KIND_BOOLEAN,
  KIND_BYTES,
  KIND_DATE,
  KIND_DECIMAL,
  KIND_DECIMAL_FIXED,
  KIND_DOUBLE,
  KIND_ENUM,
  KIND_FIXED,
  KIND_FLOAT,
  KIND_INT,
  KIND_JSON,
  KIND_LONG,
  KIND_MAP,
  KIND_MICROS,
  KIND_MILLIS,
  KIND_NULL,
  KIND_NULLABLE,
  KIND_PRIVATE,
  KIND_RECORD,
  KIND_STRING,
  KIND_TAGGED,
  KIND_UNION,
  KIND_UUID,
} from "../abi";
import { fail, failNode, failRoom, isInBounds, out, outEnd } from "../arena";
import { readDouble, real } from "../json/double";
import { encodeArray } from "./array";
import { encodeBytes, encodeFixed } from "./bytes";
import { encodeDecimal } from "./decimal";
import { encodeJsonText } from "./json-text";
import { encodeMap } from "./map";
import { encodePrivate } from "./private";
import { encodeRecord } from "./record";
import { encodeEnum, encodeString, encodeUuid } from "./text";
import { encodeDate, encodeInt, encodeLong } from "./time";
import { encodeNullable, encodeTagged, encodeUnion } from "./union";

export function encodeDouble(p: usize, node: usize): usize {
  const next = readDouble(p);
  if (!next) return failNode(node);
  store<f64>(out, real);
  out += 8;
  return next;
}

export function encodeFloat(p: usize, node: usize): usize {
  const next = readDouble(p);
  if (!next) return failNode(node);
  const value = <f32>real;
  if (!isFinite(value)) return fail(FAULT_RANGE, p, node);
  store<f32>(out, value);
  out += 4;
  return next;
}

export function encodeBoolean(p: usize, node: usize): usize {
  const word = load<u32>(p);
  const isTrue = word == 0x65757274;
  if (!isTrue && (word != 0x736c6166 || load<u8>(p, 4) != 0x65)) return fail(FAULT_TYPE, p, node);
  store<u8>(out, <u8>isTrue);
  out += 1;
  return p + 5 - <usize>isTrue;
}

/** Position behind `null` at `p`, or 0. */
export function encodeNull(p: usize, node: usize): usize {
  return load<u32>(p) == 0x6c6c756e ? p + 4 : fail(FAULT_TYPE, p, node);
}

function encodeRare(p: usize, node: usize): usize {
  switch (<u32>load<u8>(node)) {
    case KIND_NULL:
      return encodeNull(p, node);
    case KIND_BYTES:
      return encodeBytes(p, node);
    case KIND_FIXED:
      return encodeFixed(p, node);
    case KIND_DATE:
      return encodeDate(p, node);
    case KIND_UUID:
      return encodeUuid(p, node);
    case KIND_DECIMAL:
      return encodeDecimal(p, node, false);
    case KIND_DECIMAL_FIXED:
      return encodeDecimal(p, node, true);
    case KIND_JSON:
      return encodeJsonText(p, node);
    case KIND_TAGGED:
      return encodeTagged(p, node);
    case KIND_PRIVATE:
      return encodePrivate(p, node);
  }
  // No such kind: the plan is broken, and with it everything that would be written.
  unreachable();
  return 0;
}

/** Encodes the value whose first byte is at `p`. Callers' recursion ends at DEPTH_MAX. */
export function encodeValue(p: usize, node: usize): usize {
  assert(isInBounds());
  if (out > outEnd) return failRoom(p);
  switch (<u32>load<u8>(node)) {
    case KIND_STRING:
      return encodeString(p, node);
    case KIND_LONG:
      return encodeLong(p, node, 0);
    case KIND_INT:
      return encodeInt(p, node);
    case KIND_DOUBLE:
      return encodeDouble(p, node);
    case KIND_FLOAT:
      return encodeFloat(p, node);
    case KIND_BOOLEAN:
      return encodeBoolean(p, node);
    case KIND_NULLABLE:
      return encodeNullable(p, node);
    case KIND_RECORD:
      return encodeRecord(p, node);
    case KIND_ARRAY:
      return encodeArray(p, node);
    case KIND_MAP:
      return encodeMap(p, node);
    case KIND_UNION:
      return encodeUnion(p, node);
    case KIND_ENUM:
      return encodeEnum(p, node);
    case KIND_MILLIS:
      return encodeLong(p, node, 1000);
    case KIND_MICROS:
      return encodeLong(p, node, 1000000);
  }
  return encodeRare(p, node);
}
