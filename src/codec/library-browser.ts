/** `sluice/codec` in browsers: the module is fetched from beside this file. */
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

/** Where the build puts it. Bundlers know this form and bring the file along. */
const MODULE_URL = new URL("../codec.wasm", import.meta.url);

/**
 * Throws SchemaError when the schema is none, or none that can be compiled, and an Error when the
 * module cannot be fetched. The page's content security policy has to allow 'wasm-unsafe-eval'.
 */
export async function createEncoder(options: EncoderOptions): Promise<Encoder> {
  const response = await fetch(MODULE_URL);
  if (!response.ok) throw new Error(`${MODULE_URL.href} was answered with ${response.status}`);
  return await createWith({ ...options, module: new Uint8Array(await response.arrayBuffer()) });
}
