/** `sluice/codec` in Node.js 18 and later: the module is read from its file beside this one. */
import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";

import {
  createEncoder as createWith,
  type EncodedLine,
  type Encoder,
  type EncoderOptions,
  type Fault,
  type FaultKind,
  type OutcomeCode,
  SchemaError,
} from "./library.ts";

export { SchemaError };
export type { EncodedLine, Encoder, EncoderOptions, Fault, FaultKind, OutcomeCode };

/** Where the build puts it. */
const MODULE_URL = new URL("../codec.wasm", import.meta.url);

/** Throws SchemaError when the schema is none, or none that can be compiled. */
export async function createEncoder(options: EncoderOptions): Promise<Encoder> {
  // Node.js 18 has Web Crypto, but not where browsers have it.
  if (!("crypto" in globalThis)) Object.defineProperty(globalThis, "crypto", { value: webcrypto });
  return await createWith({ ...options, module: new Uint8Array(await readFile(MODULE_URL)) });
}
