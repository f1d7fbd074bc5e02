/**
 * Certificates for tests, made by the openssl command in a directory of the test: an authority, and
 * what it signs. Elliptic keys, because they are made in no time.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CertificatePaths {
  readonly certFile: string;
  readonly keyFile: string;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function openssl(directory: string, words: readonly string[]): void {
  execFileSync("openssl", [...words], { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
}

/** A certificate authority whose files begin with its name. */
export class TestAuthority implements CertificatePaths {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #directory: string;
  #issued = 0;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.certFile = join(directory, `${name}.crt`);
    this.keyFile = join(directory, `${name}.key`);
    const files = ["-keyout", this.keyFile, "-out", this.certFile];
    const usage = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
    openssl(directory, [
      ...["req", "-x509", ...NEW_KEY, "-days", "30", ...files, "-subj", `/CN=${name}`],
      ...usage.flatMap((each) => ["-addext", each]),
    ]);
  }

  /** For localhost and 127.0.0.1, as a server and as a client. Of less than no days: expired. */
  issue(commonName: string, { days = 30 }: { readonly days?: number } = {}): CertificatePaths {
    this.#issued += 1;
    const place = join(this.#directory, `${commonName}-${this.#issued}`);
    const [certFile, keyFile, request] = [`${place}.crt`, `${place}.key`, `${place}.csr`];
    const extensions = `${place}.ext`;
    writeFileSync(
      extensions,
      "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n",
    );
    const subject = ["-subj", `/CN=${commonName}`];
    openssl(this.#directory, ["req", ...NEW_KEY, "-keyout", keyFile, "-out", request, ...subject]);
    openssl(this.#directory, [
      ...["x509", "-req", "-in", request, "-CA", this.certFile, "-CAkey", this.keyFile],
      ...["-CAcreateserial", "-days", `${days}`, "-extfile", extensions, "-out", certFile],
    ]);
    return { certFile, keyFile };
  }
}
