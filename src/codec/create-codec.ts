/** A codec from the module's file, where there are files; src/codec/codec.ts needs none. */
import { readFile } from "node:fs/promises";

import { hmacSha256 } from "./keyed-hash.ts";
import { Codec, type CodecOptions } from "./codec.ts";

const MODULE_URL = new URL("../../build/codec.wasm", import.meta.url);

export interface CreateOptions extends CodecOptions {
  /** The module's file; by default build/codec.wasm. */
  readonly moduleUrl?: URL;
}

/** Reads and compiles the module. Throws if it is not there: `npm run build` makes it. */
export async function createCodec(options: CreateOptions = {}): Promise<Codec> {
  const module = await WebAssembly.compile(await readFile(options.moduleUrl ?? MODULE_URL));
  return new Codec(module, { keyedHash: hmacSha256, ...options });
}
