/** `sluice keys new`: a key for a sender, and its hash for the tenants file. */
import { randomBytes } from "node:crypto";

import { newKey } from "../admission/keys.ts";
import { EXIT, type ExitCode, type Invocation } from "./command.ts";
import { Output } from "./io.ts";

export async function makeKey(invocation: Invocation): Promise<ExitCode> {
  const kind = invocation.options.has("secret") ? "secret" : "write";
  const { key, sha256 } = newKey(kind, randomBytes);
  const text = invocation.options.has("json")
    ? `${JSON.stringify({ kind, key, sha256 })}\n`
    : [
        `key          ${key}`,
        `tenants file ${JSON.stringify({ sha256 })}   in ${kind}Keys of its source`,
        "",
        "The key is shown this once; the file knows it by its hash only.",
        "",
      ].join("\n");
  await new Output(invocation.io.stdout).write(text);
  return EXIT.good;
}
