/**
 * The certificate of the public listener: read, looked at before it is used, and watched, so that a
 * renewed one is taken without a restart and a broken one never replaces a good one.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";

import type { CancelTimer, Clock } from "../lib/clock.ts";
import { watchFiles } from "../lib/file-watch.ts";
import { CERTIFICATE_WATCH_MS } from "../limits/admission.ts";

/** Files in PEM. */
export interface CertificateFiles {
  /** The chain, the server's own certificate first. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities of clients; absent: clients need no certificate. */
  readonly clientCaFile?: string;
}

export type CheckedCertificate =
  | { readonly kind: "sound"; readonly expiresAtMs: number; readonly subject: string }
  | { readonly kind: "fault"; readonly detail: string };

/** Can these files be used? Reads them; says the first thing that is wrong. */
export function checkCertificate(files: CertificateFiles): CheckedCertificate {
  try {
    const cert = readFileSync(files.certFile);
    const key = readFileSync(files.keyFile);
    const ca = files.clientCaFile === undefined ? {} : { ca: readFileSync(files.clientCaFile) };
    // Throws where the key is not that of the certificate.
    createSecureContext({ cert, key, ...ca });
    const { validTo, subject } = new X509Certificate(cert);
    return { kind: "sound", expiresAtMs: Date.parse(validTo), subject };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "fault", detail: `${files.certFile} with ${files.keyFile}: ${reason}` };
  }
}

export interface CertificateWatch {
  readonly files: CertificateFiles;
  readonly clock: Clock;
  readonly onSound: (expiresAtMs: number) => void;
  readonly onFault: (detail: string) => void;
}

/** Watches the files until the returned function is called. */
export function watchCertificate({
  files,
  clock,
  onSound,
  onFault,
}: CertificateWatch): CancelTimer {
  const { certFile, keyFile, clientCaFile } = files;
  const paths =
    clientCaFile === undefined ? [certFile, keyFile] : [certFile, keyFile, clientCaFile];
  const onChange = (): void => {
    const checked = checkCertificate(files);
    if (checked.kind === "sound") onSound(checked.expiresAtMs);
    else onFault(checked.detail);
  };
  return watchFiles({ paths, everyMs: CERTIFICATE_WATCH_MS, clock, onChange });
}
