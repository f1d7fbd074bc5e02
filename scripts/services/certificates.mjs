/**
 * A certificate authority and a server certificate for the TLS listeners, made with openssl, valid
 * for localhost and 127.0.0.1. Test material: the keys are unprotected and bound to no real name.
 */
import { X509Certificate } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { runCommand } from "./run-command.mjs";

const VALIDITY_DAYS = 365;
/** An elliptic key: made in no time, where RSA takes half a second of a core. */
const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
const RENEWAL_MARGIN_MS = 7 * 24 * 3_600_000;

/** File names inside a certificate folder. */
export function certificateFiles(folder) {
  return {
    authority: join(folder, "ca.crt"),
    certificate: join(folder, "server.crt"),
    key: join(folder, "server.key"),
    /** Key, certificate and authority in one file, as Kafka's PEM key store wants them. */
    keyStore: join(folder, "server.pem"),
  };
}

/** Makes the certificates unless the folder holds some that stay valid for another week. */
export async function ensureCertificates(folder) {
  const files = certificateFiles(folder);
  if (await isValid(files.certificate)) return files;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(
    join(folder, "extensions"),
    "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n",
  );
  const openssl = (words) =>
    runCommand("openssl", words.split(" "), { directory: folder, purpose: "make certificates" });
  await openssl(
    `req -x509 ${NEW_KEY} -days ${VALIDITY_DAYS} -keyout ca.key -out ca.crt -subj /CN=sluice-test` +
      " -addext basicConstraints=critical,CA:TRUE" +
      " -addext keyUsage=critical,keyCertSign,cRLSign",
  );
  await openssl(`req ${NEW_KEY} -keyout server.key -out server.csr -subj /CN=localhost`);
  await openssl(
    "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial" +
      ` -days ${VALIDITY_DAYS} -extfile extensions -out server.crt`,
  );
  const parts = [files.key, files.certificate, files.authority];
  const texts = await Promise.all(parts.map((file) => readFile(file, "utf8")));
  await writeFile(files.keyStore, texts.join(""), { mode: 0o600 });
  return files;
}

async function isValid(certificateFile) {
  try {
    const certificate = new X509Certificate(await readFile(certificateFile));
    return Date.parse(certificate.validTo) - Date.now() > RENEWAL_MARGIN_MS;
  } catch {
    return false;
  }
}
