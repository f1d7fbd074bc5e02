/**
 * Apicurio Registry with its Confluent-compatible interface (v7), storing in memory: a restart
 * loses every schema. Its global compatibility is NONE by default; sluice expects BACKWARD, the
 * default of Confluent's registry, so that is set once it answers.
 */
import { artifactFolder, cachedArtifact, fetchMavenArchive } from "../artifacts.mjs";
import { ServiceProblem } from "../problem.mjs";
import { answersHttp } from "../readiness.mjs";

const DISTRIBUTION = { name: "apicurio-registry", version: "2.6.13.Final" };
const COORDINATES = `io.apicurio:apicurio-registry-app:${DISTRIBUTION.version}:tar.gz:all`;
const RUNNER = `apicurio-registry-app-${DISTRIBUTION.version}-runner.jar`;
const PRIME_TIMEOUT_MS = 20_000;

export const registry = {
  name: "registry",
  summary: `Apicurio Registry ${DISTRIBUTION.version}, Confluent-compatible, in memory`,
  ports: { http: 19_081 },
  prerequisites: ["java", "maven"],
  startTimeoutMs: 120_000,
  stopPatienceMs: 10_000,
  install: (progress) =>
    cachedArtifact(DISTRIBUTION, (folder) => fetchMavenArchive(COORDINATES, folder), progress),
  configure: async () => {},
  processes: ({ ports }) => [
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
      environment: { QUARKUS_HTTP_HOST: "127.0.0.1", QUARKUS_HTTP_PORT: String(ports.http) },
      ports: ["http"],
      isReady: () => answersHttp(`http://127.0.0.1:${ports.http}/health/ready`),
    },
  ],
  prime: ({ ports }) => setCompatibility(baseUrl(ports), "BACKWARD"),
  addresses: ({ ports }) => ({ url: baseUrl(ports) }),
};

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
