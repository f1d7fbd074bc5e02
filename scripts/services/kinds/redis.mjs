/**
 * One Redis server without persistence: a plain port, a TLS port, and two users. `sluice` may touch
 * keys and channels that begin with `sluice:` and run no administrative command; `admin` may do
 * everything; the user `default` is off.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { certificateFiles, ensureCertificates } from "../certificates.mjs";
import { answersRedis } from "../readiness.mjs";

const LOGIN = "sluice:sluice-secret";
const ADMIN_LOGIN = "admin:admin-secret";

/** The access control list, one user a line. */
export const USERS = `user default off
user admin on >admin-secret ~* &* +@all
user sluice on >sluice-secret ~sluice:* &sluice:* +@all -@admin -@dangerous +info +client|setname
`;

export const redis = {
  name: "redis",
  summary: "Redis with TLS and users",
  ports: { plain: 19_379, tls: 19_380 },
  prerequisites: ["redis", "openssl"],
  startTimeoutMs: 90_000,
  stopPatienceMs: 5_000,
  configure: async (context) => {
    await ensureCertificates(join(context.directory, "tls"));
    await writeFile(join(context.directory, "users.acl"), USERS, { mode: 0o600 });
    await writeFile(join(context.directory, "redis.conf"), renderRedisConfiguration(context));
  },
  processes: ({ directory, ports }) => [
    {
      name: "redis",
      program: "redis-server",
      programArguments: [join(directory, "redis.conf")],
      ports: ["plain", "tls"],
      isReady: () => answersRedis(ports.plain, [`AUTH ${LOGIN.replace(":", " ")}`]),
    },
  ],
  addresses: ({ directory, ports }) => ({
    url: `redis://${LOGIN}@127.0.0.1:${ports.plain}`,
    tlsUrl: `rediss://${LOGIN}@localhost:${ports.tls}`,
    adminUrl: `redis://${ADMIN_LOGIN}@127.0.0.1:${ports.plain}`,
    certificateAuthority: certificateFiles(join(directory, "tls")).authority,
  }),
};

/** redis.conf; `settings` replace and add single directives. */
export function renderRedisConfiguration({ directory, ports, settings }) {
  const certificates = certificateFiles(join(directory, "tls"));
  const directives = {
    bind: "127.0.0.1",
    port: ports.plain,
    "tls-port": ports.tls,
    "tls-cert-file": quoted(certificates.certificate),
    "tls-key-file": quoted(certificates.key),
    "tls-ca-cert-file": quoted(certificates.authority),
    "tls-auth-clients": "no",
    aclfile: quoted(join(directory, "users.acl")),
    dir: quoted(directory),
    save: '""',
    appendonly: "no",
    maxmemory: "256mb",
    "maxmemory-policy": "noeviction",
    daemonize: "no",
    ...settings,
  };
  return renderDirectives(directives);
}

/** Redis' configuration format, one directive a line. */
export function renderDirectives(directives) {
  return Object.entries(directives)
    .map(([name, value]) => `${name} ${value}\n`)
    .join("");
}

function quoted(path) {
  return JSON.stringify(path);
}
