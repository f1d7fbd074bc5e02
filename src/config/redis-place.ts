/**
 * The settings of Redis → where it is and whom to trust there. The gateway and every command that
 * speaks to Redis read it here.
 */
import { readFileSync } from "node:fs";
import type { Config } from "./options.ts";

/** Throws where the file of authorities cannot be read. */
export function redisPlace({ redisUrl: url, redisCaFile, redisSentinels }: Config) {
  return {
    url,
    ...(redisCaFile !== "" && { tls: { ca: readFileSync(redisCaFile, "utf8") } }),
    ...(redisSentinels.length > 0 && { sentinels: redisSentinels }),
  };
}
