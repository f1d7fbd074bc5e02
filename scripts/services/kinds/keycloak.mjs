/**
 * Keycloak as a source of OAuth 2 access tokens, with one realm made at each start. Two clients get
 * RS256 tokens by client credentials: `device` with audience `sluice`, the claim `tenant` and the
 * realm role `ingest`; `operator` may do everything to the realm by the admin API.
 * The distribution is built once in the cache folder and linked to, so that what a run writes stays
 * in its own directory.
 */
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { artifactFolder, cachedArtifact, fetchMavenArchive } from "../artifacts.mjs";
import { answersHttp } from "../readiness.mjs";
import { runCommand } from "../run-command.mjs";

const DISTRIBUTION = { name: "keycloak", version: "26.7.0" };
const COORDINATES = `org.keycloak:keycloak-quarkus-dist:${DISTRIBUTION.version}:zip`;
const LINKED = ["bin", "conf", "lib", "providers", "themes", "version.txt"];
const REALM = "sluice";
const CLIENT = "device";
const CLIENT_SECRET = "device-secret";
const OPERATOR = "operator";
const OPERATOR_SECRET = "operator-secret";
const HEAP_FLAGS = ["-Xms64m", "-Xmx320m"];
const OPENED_PACKAGES = ["java.util", "java.util.concurrent", "java.security", "java.lang"];

export const keycloak = {
  name: "keycloak",
  summary: `Keycloak ${DISTRIBUTION.version}, a realm that gives RS256 tokens; slow and large`,
  ports: { http: 19_085, management: 19_086 },
  prerequisites: ["java", "maven", "unzip"],
  startTimeoutMs: 240_000,
  stopPatienceMs: 15_000,
  install: (progress) =>
    cachedArtifact(DISTRIBUTION, (folder) => fetchAndBuild(folder, progress), progress),
  configure: ({ directory }) => makeHome(join(directory, "home")),
  processes: ({ directory, ports }) => [
    {
      name: "keycloak",
      program: "java",
      programArguments: [
        ...javaArguments(join(directory, "home")),
        "start",
        "--optimized",
        "--import-realm",
        "--cache=local",
        "--http-enabled=true",
        "--hostname-strict=false",
        "--http-host=127.0.0.1",
        `--http-port=${ports.http}`,
        `--http-management-port=${ports.management}`,
      ],
      ports: ["http", "management"],
      // "started" is logged long before the realm is there.
      isReady: () => answersHttp(keysUrl(ports)),
    },
  ],
  addresses: ({ ports }) => ({
    issuer: realmUrl(ports),
    keys: keysUrl(ports),
    token: `${realmUrl(ports)}/protocol/openid-connect/token`,
    clientId: CLIENT,
    clientSecret: CLIENT_SECRET,
    admin: `http://127.0.0.1:${ports.http}/admin/realms/${REALM}`,
    operatorId: OPERATOR,
    operatorSecret: OPERATOR_SECRET,
  }),
};

function realmUrl(ports) {
  return `http://127.0.0.1:${ports.http}/realms/${REALM}`;
}

function keysUrl(ports) {
  return `${realmUrl(ports)}/protocol/openid-connect/certs`;
}

function distributionFolder(folder) {
  return join(folder, `keycloak-${DISTRIBUTION.version}`);
}

async function fetchAndBuild(folder, progress) {
  await fetchMavenArchive(COORDINATES, folder);
  progress("building it once (about half a minute)");
  const script = join(distributionFolder(folder), "bin", "kc.sh");
  await chmod(script, 0o755);
  await runCommand(script, ["build", "--db=dev-mem", "--cache=local", "--health-enabled=true"], {
    environment: { ...process.env, JAVA_OPTS_KC_HEAP: HEAP_FLAGS.join(" ") },
    purpose: "build Keycloak",
  });
}

async function makeHome(home) {
  const distribution = distributionFolder(artifactFolder(DISTRIBUTION));
  await mkdir(join(home, "data", "import"), { recursive: true });
  for (const name of LINKED) {
    await rm(join(home, name), { force: true });
    await symlink(join(distribution, name), join(home, name));
  }
  const realmFile = join(home, "data", "import", `${REALM}-realm.json`);
  await writeFile(realmFile, JSON.stringify(renderRealm(), null, 2));
}

/** What kc.sh would run; that script stays between us and the server and hides its pid. */
function javaArguments(home) {
  const opened = OPENED_PACKAGES.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);
  const threads = "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory";
  return [
    ...HEAP_FLAGS,
    "-XX:+UseSerialGC",
    ...opened,
    "--enable-native-access=ALL-UNNAMED",
    "-Dfile.encoding=UTF-8",
    `-Dkc.home.dir=${home}`,
    `-Djboss.server.config.dir=${join(home, "conf")}`,
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
    `-Djava.util.concurrent.ForkJoinPool.common.threadFactory=${threads}`,
    "-cp",
    join(home, "lib", "quarkus-run.jar"),
    "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
  ];
}

/** The realm as Keycloak imports it. */
function renderRealm() {
  const audience = mapper("audience", "oidc-audience-mapper", {
    "included.custom.audience": "sluice",
    "access.token.claim": "true",
  });
  const tenant = mapper("tenant", "oidc-hardcoded-claim-mapper", {
    "claim.name": "tenant",
    "claim.value": "demo",
    "jsonType.label": "String",
    "access.token.claim": "true",
  });
  return {
    realm: REALM,
    enabled: true,
    sslRequired: "none",
    roles: { realm: [{ name: "ingest" }] },
    clients: [
      client(CLIENT, { secret: CLIENT_SECRET, protocolMappers: [audience, tenant] }),
      client(OPERATOR, { secret: OPERATOR_SECRET, protocolMappers: [] }),
    ],
    users: [
      serviceAccount(CLIENT, { realmRoles: ["ingest"] }),
      serviceAccount(OPERATOR, { clientRoles: { "realm-management": ["realm-admin"] } }),
    ],
  };
}

function client(clientId, more) {
  const kind = { publicClient: false, serviceAccountsEnabled: true, standardFlowEnabled: false };
  return { clientId, enabled: true, ...kind, ...more };
}

function serviceAccount(clientId, roles) {
  const username = `service-account-${clientId}`;
  return { username, enabled: true, serviceAccountClientId: clientId, ...roles };
}

function mapper(name, protocolMapper, config) {
  return { name, protocol: "openid-connect", protocolMapper, config };
}
