/**
 * `sluice doctor`: what can be seen without any server: files, limits of the process, the codec.
 */
import { access, constants, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";

import { createCodec } from "../../codec/create-codec.ts";
import { dataDirectory } from "../../config/data-directory.ts";
import type { Config } from "../../config/options.ts";
import { laneCount, workerCount } from "../../config/worker-count.ts";
import { checkCertificate } from "../../server/certificate.ts";
import type { Environment } from "../command.ts";
import type { Finding } from "./finding.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Renewal is automatic nearly everywhere; two weeks are left when it has failed for a while. */
const EXPIRY_WARNING_DAYS = 14;
/** For Kafka, Redis, files, and HTTP connections besides WebSockets. */
const DESCRIPTORS_SPARED = 1_024;
/** libuv's own size of its thread pool, where the environment does not say. */
const THREADS_DEFAULT = 4;
/** Threads that the lanes leave for DNS, files and metadata. */
const THREADS_SPARED = 2;

const PROCESS_LIMITS = "/proc/self/limits";

export async function checkLocal(
  config: Config,
  { env, nowMs }: { readonly env: Environment; readonly nowMs: number },
): Promise<readonly Finding[]> {
  const limits = await readFile(PROCESS_LIMITS, "utf8").catch(() => "");
  return [
    checkTls(config, nowMs),
    checkThreads(config, env),
    checkDescriptors(limits, config.connectionsMax),
    await checkDataDirectory(config),
    await checkCodec(),
  ];
}

function checkTls(config: Config, nowMs: number): Finding {
  const check = "certificate";
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, tlsClientCaFile: clientCaFile } = config;
  if (certFile === "") {
    return { check, status: "ok", text: "not set: no TLS here, a proxy in front has it" };
  }
  const checked = checkCertificate({
    certFile,
    keyFile,
    ...(clientCaFile === "" ? {} : { clientCaFile }),
  });
  if (checked.kind === "fault") {
    const mend =
      "give SLUICE_TLS_CERT_FILE and SLUICE_TLS_KEY_FILE a pair in PEM that belongs together";
    return { check, status: "failed", text: checked.detail, mend };
  }
  const days = Math.floor((checked.expiresAtMs - nowMs) / DAY_MS);
  const until = new Date(checked.expiresAtMs).toISOString();
  const command = `openssl x509 -noout -dates -in ${certFile}`;
  const mend = "renew it; sluice takes the new file without a restart";
  if (days < 0) return { check, status: "failed", text: `expired at ${until}`, mend, command };
  const text = `valid until ${until}, ${days} days`;
  if (days < EXPIRY_WARNING_DAYS) return { check, status: "warning", text, mend, command };
  return { check, status: "ok", text };
}

function checkThreads(config: Config, env: Environment): Finding {
  const check = "thread pool";
  const threads = Number(env["UV_THREADPOOL_SIZE"] ?? THREADS_DEFAULT);
  const lanes = laneCount(config, workerCount(config, availableParallelism()));
  const needed = lanes + THREADS_SPARED;
  const text = `${threads} threads for ${lanes} lanes`;
  if (threads >= needed) return { check, status: "ok", text };
  return {
    check,
    status: "warning",
    text: `${text}: fewer lanes are used`,
    mend: "start sluice by its script, or set the variable before Node.js starts",
    command: `export UV_THREADPOOL_SIZE=${needed}`,
  };
}

/** `limits`: the text of /proc/self/limits; "": there is none. */
export function checkDescriptors(limits: string, connectionsMax: number): Finding {
  const check = "file descriptors";
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) {
    return { check, status: "unchecked", text: `there is no ${PROCESS_LIMITS} here` };
  }
  const needed = connectionsMax + DESCRIPTORS_SPARED;
  const text = `at most ${soft} open at once, for ${connectionsMax} connections and the rest`;
  if (soft === "unlimited" || Number(soft) >= needed) return { check, status: "ok", text };
  const room = Math.max(1, Number(soft) - DESCRIPTORS_SPARED);
  const mend =
    `raise it where sluice is started (systemd: LimitNOFILE=${needed}), or lower ` +
    `SLUICE_CONNECTIONS_MAX to ${room}`;
  return { check, status: "warning", text, mend, command: `ulimit -n ${needed}` };
}

/** It is made when it is missing: then the directory it would be made in counts. */
async function checkDataDirectory(config: Config): Promise<Finding> {
  const check = "data directory";
  const directory = dataDirectory(config);
  let place = directory;
  for (;;) {
    const problem = await access(place, constants.W_OK).then(
      () => null,
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    );
    if (problem === null) return { check, status: "ok", text: directory };
    if (problem !== "ENOENT" || dirname(place) === place) {
      const text = `${place} cannot be written to (${problem})`;
      const mend =
        "give SLUICE_DATA_DIR a directory of the user sluice runs as; without it there is no " +
        "snapshot of the schemas to start from while the registry is away";
      return { check, status: "warning", text, mend, command: `ls -ld ${place}` };
    }
    place = dirname(place);
  }
}

async function checkCodec(): Promise<Finding> {
  const check = "codec";
  try {
    await createCodec();
    return { check, status: "ok", text: "the WebAssembly module is built and loads" };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const mend = "build the module";
    return { check, status: "failed", text, mend, command: "npm run build" };
  }
}
