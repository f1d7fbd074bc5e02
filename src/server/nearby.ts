/**
 * What a connection itself says of who is at its other end, before any header is read: its address,
 * the one of a PROXY header (version 2), and the certificate that was shown.
 */
import { X509Certificate } from "node:crypto";
import type { HttpResponse } from "uWebSockets.js";
import { RecentMap } from "../lib/recent-map.ts";
import { CERTIFICATES_KEPT_MAX } from "../limits/admission.ts";
import { TrustedProxies } from "./client-address.ts";
import { addressText } from "./peer-address.ts";

export interface Nearby {
  /** "" if the connection is gone. */
  readonly remote: string;
  /** By the PROXY protocol; "" if the connection did not begin with it. */
  readonly proxied: string;
  /** Subject of the certificate that was shown, as RFC 4514 writes names; "" if none was. */
  readonly certificateSubject: string;
  readonly trusted: TrustedProxies;
}

export const NOBODY: Nearby = {
  remote: "",
  proxied: "",
  certificateSubject: "",
  trusted: new TrustedProxies([]),
};

/** uWebSockets has this method; its types do not know it. A certificate in PEM, "" for none. */
interface CertificateHolder {
  getX509Certificate(): string;
}

export interface NeighboursOptions {
  /** Addresses and CIDR blocks. */
  readonly trustedProxies: readonly string[];
  /** Nobody is served who shows no certificate. */
  readonly needsCertificate: boolean;
}

export class Neighbours {
  readonly #trusted: TrustedProxies;
  readonly #needsCertificate: boolean;
  /** By the certificate: to read one takes longer than a request. */
  readonly #subjects = new RecentMap<string>(CERTIFICATES_KEPT_MAX);

  constructor({ trustedProxies, needsCertificate }: NeighboursOptions) {
    this.#trusted = new TrustedProxies(trustedProxies);
    this.#needsCertificate = needsCertificate;
  }

  /** null: no certificate was shown where one is needed; uWebSockets lets such clients in. */
  of(response: HttpResponse): Nearby | null {
    const certificateSubject = this.#needsCertificate ? this.#subject(response) : "";
    if (this.#needsCertificate && certificateSubject === "") return null;
    return {
      remote: addressText(response.getRemoteAddress()),
      proxied: addressText(response.getProxiedRemoteAddress()),
      certificateSubject,
      trusted: this.#trusted,
    };
  }

  #subject(response: HttpResponse): string {
    const pem = (response as unknown as CertificateHolder).getX509Certificate();
    if (pem === "") return "";
    const known = this.#subjects.get(pem);
    if (known !== undefined) return known;
    const subject = subjectText(new X509Certificate(pem).subject);
    this.#subjects.set(pem, subject);
    return subject;
  }
}

/** Node writes one part of a name per line, the widest first; RFC 4514 the other way round. */
export function subjectText(lines: string): string {
  return lines.split("\n").toReversed().join(",");
}
