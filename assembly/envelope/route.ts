/**
 * From (type, schema reference) to the route the host has set: a hash table of route entries, with
 * the last answer as first guess, because neighbours in a frame are often of one type.
 */
import {
  PARAMS,
  PARAM_ROUTE_MASK,
  ROUTE_HASH,
  ROUTE_REF,
  ROUTE_REF_BYTES,
  ROUTE_SLOTS,
  ROUTE_TYPE,
  ROUTE_TYPE_BYTES,
} from "../abi";
import { equalBytes } from "../avro/names";

let last: usize = 0;

/** Forgets the guess; for every frame, since routes change between frames. */
export function resetRoutes(): void {
  last = 0;
}

/** FNV-1a over `type`, a 0xff, `reference`; src/codec/routes.ts computes the same. */
function hashRoute(type: usize, typeBytes: usize, reference: usize, referenceBytes: usize): u32 {
  let hash: u32 = 0x811c9dc5;
  for (let i: usize = 0; i < typeBytes; i++) hash = (hash ^ load<u8>(type + i)) * 0x01000193;
  hash = (hash ^ 0xff) * 0x01000193;
  for (let i: usize = 0; i < referenceBytes; i++) {
    hash = (hash ^ load<u8>(reference + i)) * 0x01000193;
  }
  return hash;
}

function answers(
  route: usize,
  type: usize,
  typeBytes: usize,
  reference: usize,
  referenceBytes: usize,
): bool {
  return (
    load<u32>(route, ROUTE_TYPE_BYTES) == <u32>typeBytes &&
    load<u32>(route, ROUTE_REF_BYTES) == <u32>referenceBytes &&
    equalBytes(load<u32>(route, ROUTE_TYPE), type, typeBytes) &&
    equalBytes(load<u32>(route, ROUTE_REF), reference, referenceBytes)
  );
}

/** Route of the type and the schema reference (none: length 0), or 0. */
export function findRoute(
  type: usize,
  typeBytes: usize,
  reference: usize,
  referenceBytes: usize,
): usize {
  if (last && answers(last, type, typeBytes, reference, referenceBytes)) return last;
  const hash = hashRoute(type, typeBytes, reference, referenceBytes);
  const mask = load<u32>(PARAMS + PARAM_ROUTE_MASK);
  let index = hash & mask;
  while (true) {
    const route = <usize>load<u32>(ROUTE_SLOTS + ((<usize>index) << 2));
    if (!route) return 0;
    if (
      load<u32>(route, ROUTE_HASH) == hash &&
      answers(route, type, typeBytes, reference, referenceBytes)
    ) {
      last = route;
      return route;
    }
    index = (index + 1) & mask;
  }
}
