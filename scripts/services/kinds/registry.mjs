/**
 * Apicurio Registry with its Confluent-compatible interface (v7), storing in a file of its
 * directory: records that Kafka keeps name schemas by their ids, which must mean the same after a
 * restart. With the setting `storage: "memory"` a restart loses every schema. Its global
 * compatibility is NONE by default; sluice expects BACKWARD, the default of Confluent's registry,
 * so that is set once it answers.
 */
import { join } from "node:path";

import { artifactFolder, cachedArtifact, fetchMavenArchive } from "../artifacts.mjs";
import { ServiceProblem } from "../problem.mjs";
import { answersHttp } from "../readiness.mjs";

const DISTRIBUTION = { name: "apicurio-registry", version: "2.6.13.Final" };
const COORDINATES = `io.apicurio:apicurio-registry-app:${DISTRIBUTION.version}:tar.gz:all`;
const RUNNER = `apicurio-registry-app-${DISTRIBUTION.version}-runner.jar`;
const PRIME_TIMEOUT_MS = 20_000;

export const registry = {
  name: "registry",
  summary: `Apicurio Registry ${DISTRIBUTION.version}, Confluent-compatible`,
  ports: { http: 19_081 },
  prerequisites: ["java", "maven"],
  startTimeoutMs: 120_000,
  stopPatienceMs: 10_000,
  install: (progress) =>
    cachedArtifact(DISTRIBUTION, (folder) => fetchMavenArchive(COORDINATES, folder), progress),
  configure: async () => {},
  processes: ({ ports, directory, settings }) => [
    {
      name: "registry",
      program: "java",
      programArguments: [
        "-Xms64m",
        "-Xmx192m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-jar",
        `${artifactFolder(DISTRIBUTION)}/${RUNNER}`,
      ],
      environment: {
        QUARKUS_HTTP_HOST: "127.0.0.1",
        QUARKUS_HTTP_PORT: String(ports.http),
        REGISTRY_DATASOURCE_URL: databaseUrl(directory, settings),
      },
      ports: ["http"],
      isReady: () => answersHttp(`http://127.0.0.1:${ports.http}/health/ready`),
    },
  ],
  prime: ({ ports }) => setCompatibility(baseUrl(ports), "BACKWARD"),
  addresses: ({ ports }) => ({ url: baseUrl(ports) }),
};

/** A commit is in the file at once, so that a killed registry has all that it has answered. */
function databaseUrl(directory, { storage = "file" }) {
  if (storage === "memory") return "jdbc:h2:mem:registry";
  return `jdbc:h2:file:${join(directory, "data", "registry")};WRITE_DELAY=0`;
}

function baseUrl(ports) {
  return `http://127.0.0.1:${ports.http}/apis/ccompat/v7`;
}

async function setCompatibility(url, compatibility) {
  const response = await fetch(`${url}/config`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ compatibility }),
    signal: AbortSignal.timeout(PRIME_TIMEOUT_MS),
  });
  if (response.ok) return;
  throw new ServiceProblem(
    `the registry refused compatibility ${compatibility}: ${response.status}`,
  );
}
