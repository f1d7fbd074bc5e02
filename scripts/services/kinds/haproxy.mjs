/**
 * HAProxy with the configuration of deploy/gateway, in front of two gateways on this machine: what
 * is deployed is what is tried. Settings of a private one: gateway1, gateway2, admin1, admin2
 * (host:port), balancers (blocks of addresses), requestsMax.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { certificateFiles, ensureCertificates } from "../certificates.mjs";
import { SYSTEM_PATH } from "../prerequisites.mjs";
import { acceptsConnections } from "../readiness.mjs";

const CONFIGURATION = fileURLToPath(
  new URL("../../../deploy/gateway/haproxy.cfg", import.meta.url),
);

/** Variables of the configuration, by setting, and what the shared one has. */
const VARIABLES = {
  gateway1: ["EDGE_GATEWAY_1", "127.0.0.1:8080"],
  gateway2: ["EDGE_GATEWAY_2", "127.0.0.1:8081"],
  admin1: ["EDGE_ADMIN_1", "127.0.0.1:9464"],
  admin2: ["EDGE_ADMIN_2", "127.0.0.1:9465"],
  balancers: ["EDGE_BALANCERS", "192.0.2.1/32"],
  requestsMax: ["EDGE_REQUESTS_MAX", 2_000],
};

export const haproxy = {
  name: "haproxy",
  summary: "HAProxy with TLS before gateways on ports 8080 and 8081",
  ports: { https: 19_443 },
  prerequisites: ["haproxy", "openssl"],
  startTimeoutMs: 90_000,
  stopPatienceMs: 5_000,
  configure: ({ directory }) => ensureCertificates(join(directory, "tls")),
  processes: ({ directory, ports, settings }) => [
    {
      name: "haproxy",
      program: "haproxy",
      programArguments: ["-db", "-f", CONFIGURATION],
      environment: {
        PATH: SYSTEM_PATH,
        EDGE_BIND: `127.0.0.1:${ports.https}`,
        EDGE_CERTIFICATE: certificateFiles(join(directory, "tls")).keyStore,
        ...Object.fromEntries(
          Object.entries(VARIABLES).map(([name, [variable, value]]) => [
            variable,
            String(settings[name] ?? value),
          ]),
        ),
      },
      ports: ["https"],
      isReady: () => acceptsConnections(ports.https),
    },
  ],
  addresses: ({ directory, ports }) => ({
    url: `https://localhost:${ports.https}`,
    certificateAuthority: certificateFiles(join(directory, "tls")).authority,
  }),
};
