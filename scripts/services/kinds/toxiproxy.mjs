/**
 * toxiproxy, a TCP proxy that can delay, cut and starve connections on request. The shared one has
 * a proxy before kafka, redis and registry each; a private one has none until its API is asked to
 * make some.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { artifactFolder, buildGoProgram, cachedArtifact } from "../artifacts.mjs";
import { answersHttp } from "../readiness.mjs";

const PROGRAM = { name: "toxiproxy", version: "2.12.0" };
const PACKAGE = `github.com/Shopify/toxiproxy/v2/cmd/server@v${PROGRAM.version}`;

/** Ports in front of the shared servers, and the ports of those, both at offset 0. */
const PROXIES = {
  kafka: { listen: 19_098, upstream: 19_097 },
  redis: { listen: 19_398, upstream: 19_379 },
  registry: { listen: 19_088, upstream: 19_081 },
};

export const toxiproxy = {
  name: "toxiproxy",
  summary: `toxiproxy ${PROGRAM.version}, with proxies before kafka, redis and registry`,
  ports: {
    api: 19_474,
    ...Object.fromEntries(Object.entries(PROXIES).map(([name, { listen }]) => [name, listen])),
  },
  instancePorts: ["api"],
  prerequisites: ["go"],
  startTimeoutMs: 90_000,
  stopPatienceMs: 5_000,
  install: (progress) =>
    cachedArtifact(PROGRAM, (folder) => buildGoProgram(PACKAGE, folder), progress),
  configure: async ({ directory, ports, portOffset }) => {
    const proxies = portOffset === undefined ? [] : sharedProxies(ports, portOffset);
    await writeFile(join(directory, "proxies.json"), JSON.stringify(proxies, null, 2));
  },
  processes: ({ directory, ports, portOffset }) => [
    {
      name: "toxiproxy",
      program: join(artifactFolder(PROGRAM), "server"),
      programArguments: [
        "-host",
        "127.0.0.1",
        "-port",
        String(ports.api),
        "-config",
        join(directory, "proxies.json"),
      ],
      ports: portOffset === undefined ? ["api"] : ["api", ...Object.keys(PROXIES)],
      isReady: () => answersHttp(`http://127.0.0.1:${ports.api}/version`),
    },
  ],
  addresses: ({ ports, portOffset }) => {
    const addresses = { url: `http://127.0.0.1:${ports.api}` };
    if (portOffset === undefined) return addresses;
    for (const name of Object.keys(PROXIES)) addresses[name] = `127.0.0.1:${ports[name]}`;
    return addresses;
  },
};

export function sharedProxies(ports, portOffset) {
  return Object.entries(PROXIES).map(([name, { upstream }]) => ({
    name,
    listen: `127.0.0.1:${ports[name]}`,
    upstream: `127.0.0.1:${upstream + portOffset}`,
    enabled: true,
  }));
}
