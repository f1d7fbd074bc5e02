/**
 * The module's table of routes: (type, schema reference) → plan, by a hash table that is written
 * anew at every change, between two frames, so that a frame sees either the old routes or the new
 * ones.
 */
import { assert } from "../lib/assert.ts";
import {
  ROUTE_BYTES,
  ROUTE_FLAG_HEADER,
  ROUTE_FLAG_KEY_REQUIRED,
  ROUTE_FLAGS,
  ROUTE_HASH,
  ROUTE_INDEX,
  ROUTE_PLAN,
  ROUTE_REF,
  ROUTE_REF_BYTES,
  ROUTE_SCHEMA_ID,
  ROUTE_SLOTS,
  ROUTE_TYPE,
  ROUTE_TYPE_BYTES,
  ROUTES,
  ROUTES_MAX,
  PARAM_ROUTE_MASK,
  PARAMS,
} from "./abi.gen.ts";
import type { Instance } from "./instance.ts";

/** One route as the module needs it; texts are in memory already. */
export interface RouteEntry {
  readonly typeAt: number;
  readonly type: Uint8Array;
  readonly referenceAt: number;
  readonly reference: Uint8Array;
  readonly planAt: number;
  readonly schemaId: number;
  readonly header: boolean;
  readonly keyRequired: boolean;
}

const PRIME = 0x01000193;

/** FNV-1a; assembly/envelope/route.ts computes the same. */
export function hashRoute(type: Uint8Array, reference: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of type) hash = Math.imul(hash ^ byte, PRIME);
  hash = Math.imul(hash ^ 0xff, PRIME);
  for (const byte of reference) hash = Math.imul(hash ^ byte, PRIME);
  return hash >>> 0;
}

/** Writes all routes, by index, and their hash table. */
export function writeRoutes(instance: Instance, routes: ReadonlyMap<number, RouteEntry>): void {
  const { view } = instance;
  let size = 16;
  while (size < routes.size * 2) size *= 2;
  instance.memory.fill(0, ROUTE_SLOTS, ROUTE_SLOTS + size * 4);
  for (const [index, route] of routes) {
    assert(index >= 0 && index < ROUTES_MAX, "a route's index is below ROUTES_MAX");
    const entry = ROUTES + index * ROUTE_BYTES;
    const hash = hashRoute(route.type, route.reference);
    view.setUint32(entry + ROUTE_TYPE, route.typeAt, true);
    view.setUint32(entry + ROUTE_TYPE_BYTES, route.type.length, true);
    view.setUint32(entry + ROUTE_REF, route.referenceAt, true);
    view.setUint32(entry + ROUTE_REF_BYTES, route.reference.length, true);
    view.setUint32(entry + ROUTE_PLAN, route.planAt, true);
    view.setUint32(entry + ROUTE_SCHEMA_ID, route.schemaId, true);
    const flags =
      (route.header ? ROUTE_FLAG_HEADER : 0) | (route.keyRequired ? ROUTE_FLAG_KEY_REQUIRED : 0);
    view.setUint32(entry + ROUTE_FLAGS, flags, true);
    view.setUint32(entry + ROUTE_HASH, hash, true);
    view.setUint32(entry + ROUTE_INDEX, index, true);
    let slot = hash & (size - 1);
    while (view.getUint32(ROUTE_SLOTS + slot * 4, true) !== 0) slot = (slot + 1) & (size - 1);
    view.setUint32(ROUTE_SLOTS + slot * 4, entry, true);
  }
  view.setUint32(PARAMS + PARAM_ROUTE_MASK, size - 1, true);
}
