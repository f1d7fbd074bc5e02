/** The first rows of the option table: where the gateway listens, and who may come in. */
import type { OptionTable } from "./rule.ts";

const HOST = {
  pattern: /^[A-Za-z0-9._:-]+$/,
  expected: "a host name or an address",
  example: "0.0.0.0",
} as const;

export const ACCESS_OPTIONS = {
  host: {
    group: "listen",
    type: "text",
    default: "127.0.0.1",
    form: HOST,
    text: "Address the gateway listens on. Anything but loopback needs tenants.",
  },
  port: {
    group: "listen",
    type: "integer",
    default: 8080,
    min: 0,
    max: 65_535,
    text: "Port of the gateway. 0 takes a free one.",
  },
  adminHost: {
    group: "listen",
    type: "text",
    default: "127.0.0.1",
    form: HOST,
    text: "Address of the admin port (health, metrics, schemas). Keep it private.",
  },
  adminPort: {
    group: "listen",
    type: "integer",
    default: 9464,
    min: 0,
    max: 65_535,
    text: "Port of the admin server. 0 takes a free one.",
  },
  adminNames: {
    group: "listen",
    type: "list",
    default: [],
    itemsMax: 64,
    form: {
      pattern: /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
      expected: "a name in lower case, without a port",
      example: "gateway-1.example.com",
    },
    text:
      "Names under which the admin port may be asked for more than its health, beside adminHost, " +
      "addresses, and names that no public DNS has (gateway, gateway.prod.svc). Other names are " +
      "answered 403: a page in somebody's browser may have made them point here.",
  },

  tlsCertFile: {
    group: "listen",
    type: "text",
    default: "",
    form: { pattern: /./, expected: "a file", example: "/etc/sluice/tls.crt" },
    text:
      "Certificate chain (PEM) of the gateway. Watched: a renewed one is taken without a " +
      "restart. Empty: no TLS here, a proxy in front has it.",
  },
  tlsKeyFile: {
    group: "listen",
    type: "text",
    default: "",
    form: { pattern: /./, expected: "a file", example: "/etc/sluice/tls.key" },
    text: "Private key (PEM) of that certificate.",
  },
  tlsClientCaFile: {
    group: "listen",
    type: "text",
    default: "",
    form: { pattern: /./, expected: "a file", example: "/etc/sluice/clients.crt" },
    text: "Authorities (PEM) of clients: without a certificate of theirs nobody gets a connection.",
  },

  trustedProxies: {
    group: "listen",
    type: "list",
    default: [],
    itemsMax: 256,
    form: {
      pattern: /^[0-9a-fA-F:.]+(\/[0-9]{1,3})?$/,
      expected: "an address or a CIDR block",
      example: "10.0.0.0/8,127.0.0.1",
    },
    text:
      "Proxies that may say who their client is: by X-Forwarded-For, the PROXY protocol (version " +
      "2), and X-Client-Cert-Subject with X-Client-Cert-Verify: SUCCESS. Nobody else is believed.",
  },

  tenants: {
    group: "access",
    type: "list",
    default: [],
    itemsMax: 1_000,
    secret: true,
    form: {
      pattern: /^[a-z0-9][a-z0-9_-]{0,63}(\/[a-z0-9][a-z0-9_-]{0,63})?=[A-Za-z0-9._~-]{4,200}$/,
      expected: "tenant=key or tenant/source=key",
      example: "acme/web=wk_5f1c9a",
    },
    text:
      "Write keys and whose they are, as tenant=key or tenant/source=key. Empty: the tenant demo " +
      "with the key demo; on loopback no key is needed.",
  },

  tenantsFile: {
    group: "access",
    type: "text",
    default: "",
    form: { pattern: /./, expected: "a file", example: "tenants.json" },
    text:
      "File of tenants: sources with hashed keys, origins, types, topics, limits, and trusted " +
      "issuers of tokens (docs/tenants.md). Watched: a sound edit holds at once, an unsound one " +
      "is refused. Instead of tenants.",
  },
} as const satisfies OptionTable;
