/**
 * Redis as a primary, a replica and a Sentinel that makes the replica the primary one second after
 * the primary fell silent. Sentinel and the servers rewrite their own configuration files, so these
 * are written anew before each start. No persistence, no TLS; users as in redis.mjs.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { answersRedis } from "../readiness.mjs";
import { renderDirectives, USERS } from "./redis.mjs";

const MASTER_NAME = "sessions";
const ADMIN_COMMAND = "AUTH admin admin-secret";

export const redisHa = {
  name: "redis-ha",
  summary: "Redis primary, replica and Sentinel",
  ports: { primary: 19_479, replica: 19_480, sentinel: 19_679 },
  prerequisites: ["redis"],
  startTimeoutMs: 120_000,
  stopPatienceMs: 5_000,
  configure: async (context) => {
    await writeFile(join(context.directory, "users.acl"), USERS, { mode: 0o600 });
    for (const [name, directives] of Object.entries(directivesByProcess(context))) {
      await mkdir(join(context.directory, name), { recursive: true });
      await writeFile(configurationFile(context, name), renderDirectives(directives));
    }
  },
  processes: (context) => {
    const { primary, replica, sentinel } = context.ports;
    return [
      redisProcess(context, {
        name: "primary",
        isReady: () => answersRedis(primary, [ADMIN_COMMAND]),
      }),
      redisProcess(context, {
        name: "replica",
        startAfter: ["primary"],
        isReady: () =>
          answersRedis(replica, [ADMIN_COMMAND, "INFO replication"], /link_status:up|role:master/u),
      }),
      redisProcess(context, {
        name: "sentinel",
        // It looks for replicas every ten seconds: one that is late is not seen.
        startAfter: ["primary", "replica"],
        isReady: () => answersRedis(sentinel, ["INFO sentinel"], /status=ok,.*slaves=1/u),
      }),
    ];
  },
  addresses: ({ ports }) => ({
    sentinel: `127.0.0.1:${ports.sentinel}`,
    masterName: MASTER_NAME,
    username: "sluice",
    password: "sluice-secret",
    primaryAtStart: `127.0.0.1:${ports.primary}`,
    replicaAtStart: `127.0.0.1:${ports.replica}`,
  }),
};

function redisProcess(context, { name, ...plan }) {
  const mode = name === "sentinel" ? ["--sentinel"] : [];
  return {
    name,
    program: "redis-server",
    programArguments: [configurationFile(context, name), ...mode],
    ports: [name],
    ...plan,
  };
}

function configurationFile({ directory }, name) {
  return join(directory, name, "redis.conf");
}

/** What each of the three is told; `settings` go to the two servers. */
export function directivesByProcess({ directory, ports, settings }) {
  const common = (name) => ({
    bind: "127.0.0.1",
    port: ports[name],
    dir: JSON.stringify(join(directory, name)),
    daemonize: "no",
  });
  const server = (name) => ({
    ...common(name),
    aclfile: JSON.stringify(join(directory, "users.acl")),
    masteruser: "admin",
    masterauth: "admin-secret",
    save: '""',
    appendonly: "no",
    "repl-diskless-sync-delay": 0,
    maxmemory: "128mb",
    "maxmemory-policy": "noeviction",
    ...settings,
  });
  return {
    primary: server("primary"),
    replica: { ...server("replica"), replicaof: `127.0.0.1 ${ports.primary}` },
    sentinel: {
      ...common("sentinel"),
      "sentinel monitor": `${MASTER_NAME} 127.0.0.1 ${ports.primary} 1`,
      "sentinel auth-user": `${MASTER_NAME} admin`,
      "sentinel auth-pass": `${MASTER_NAME} admin-secret`,
      "sentinel down-after-milliseconds": `${MASTER_NAME} 1000`,
      "sentinel failover-timeout": `${MASTER_NAME} 5000`,
    },
  };
}
