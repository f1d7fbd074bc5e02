/** Rows of the option table: where Redis is, and how sluice knows it. */
import type { OptionTable } from "./rule.ts";

export const REDIS_OPTIONS = {
  redisUrl: {
    group: "sessions",
    type: "text",
    default: "",
    masked: true,
    form: {
      pattern: /^rediss?:\/\/[^\s/]\S*$/,
      expected: "a redis:// or rediss:// URL",
      example: "redis://cache:6379/0",
    },
    text:
      "Redis for sessions and for what is remembered of streams. Empty: both live in the memory " +
      "of this process.",
  },
  redisSentinels: {
    group: "sessions",
    type: "list",
    default: [],
    itemsMax: 16,
    form: {
      pattern: /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/,
      expected: "host:port",
      example: "sentinel-1:26379,sentinel-2:26379",
    },
    text:
      "Redis Sentinels that say where the primary is now. The host in SLUICE_REDIS_URL is then " +
      "the name by which they know it, without a port. Empty: the URL's own host.",
  },
  redisCaFile: {
    group: "sessions",
    type: "text",
    default: "",
    form: { pattern: /./, expected: "a file", example: "/etc/sluice/redis-ca.crt" },
    text: "Authorities (PEM) that sign Redis, with a rediss:// URL. Empty: the system's.",
  },
} as const satisfies OptionTable;
