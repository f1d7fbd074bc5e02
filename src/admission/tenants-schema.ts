/**
 * The form of a tenants file, as a JSON Schema: what the gateway checks is what editors complete
 * (docs/tenants.schema.json is written from it). What JSON Schema cannot say, tenants-file.ts
 * checks.
 */

const NAME = "^[a-z0-9][a-z0-9_-]{0,63}$";

/** Signature algorithms that may be pinned: asymmetric ones only (RFC 8725 §3.1, §3.2). */
export const TOKEN_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

/** What a tenant's or source's rejected events leave in a dead-letter topic. */
export const DEAD_LETTER_MODES = ["off", "none", "redacted", "raw"] as const;

/** Which traffic is shed first when the process itself is saturated. */
export const PRIORITIES = ["low", "normal", "high"] as const;

/** The façades a source may be opened to. */
export const DIALECTS = ["native", "segment", "rudder", "cloudevents", "webhook"] as const;

const TEXT = { type: "string", maxLength: 500 } as const;

const KEY = {
  type: "object",
  description: "A key, hashed: sluice keys new prints one with its line for this file.",
  additionalProperties: false,
  required: ["sha256"],
  properties: {
    sha256: { type: "string", pattern: "^[0-9a-f]{64}$", description: "SHA-256 of the key, hex." },
    until: {
      type: "string",
      format: "date-time",
      description: "RFC 3339 time after which the key is refused: rotation with an overlap.",
    },
    scopes: {
      type: "array",
      maxItems: 100,
      items: { type: "string", pattern: "^[a-z]+:[^\\s]{1,200}$" },
      description: "Secret keys: what the key may do; write:* if absent.",
    },
    note: TEXT,
  },
} as const;

const KEYS = { type: "array", maxItems: 100, items: KEY } as const;

const LIMITS = {
  type: "object",
  additionalProperties: false,
  properties: {
    eventsPerSecond: { type: "integer", minimum: 1, maximum: 100_000_000 },
    bytesPerSecond: { type: "integer", minimum: 1_024, maximum: 1_000_000_000_000 },
    connections: { type: "integer", minimum: 1, maximum: 1_000_000 },
  },
} as const;

const TYPE_PATTERN = "^[^\\u0000-\\u001f\\u007f]{1,200}$";
const TOPIC_PATTERN = "^[a-zA-Z0-9._-]{1,249}$";

const SOURCE = {
  type: "object",
  additionalProperties: false,
  properties: {
    writeKeys: { ...KEYS, description: "Public keys of pages and apps: they may only send." },
    certificateSubjects: {
      type: "array",
      maxItems: 100,
      items: { type: "string", pattern: "^[A-Za-z0-9.]{1,40}=[^\\u0000-\\u001f\\u007f]{1,400}$" },
      description: "Subjects of client certificates, as RFC 4514: CN=orders,O=Shop.",
    },
    secretKeys: { ...KEYS, description: "Keys of servers; refused where a page sends them." },
    origins: {
      type: "array",
      maxItems: 1_000,
      items: {
        type: "string",
        pattern: "^(\\*|https?://(\\*\\.)?[a-z0-9.-]{1,253}(:[0-9]{1,5})?|null)$",
      },
      description:
        "Pages that may send, as https://shop.example or https://*.shop.example; absent: all.",
    },
    types: {
      type: "array",
      maxItems: 10_000,
      items: { type: "string", pattern: TYPE_PATTERN },
      description: "Types of events it may send; absent: all of the pack.",
    },
    dialects: {
      type: "array",
      items: { enum: DIALECTS },
      description: "Façades it may use; absent: all.",
    },
    limits: LIMITS,
    note: TEXT,
  },
} as const;

const TENANT = {
  type: "object",
  additionalProperties: false,
  required: ["sources"],
  properties: {
    sources: {
      type: "object",
      minProperties: 1,
      maxProperties: 10_000,
      propertyNames: { pattern: NAME },
      additionalProperties: SOURCE,
    },
    topics: {
      type: "object",
      maxProperties: 10_000,
      propertyNames: { pattern: TYPE_PATTERN },
      additionalProperties: { type: "string", pattern: TOPIC_PATTERN },
      description: "Topic per type, where it is another than the pack's.",
    },
    limits: { ...LIMITS, description: "Of all sources together." },
    priority: { enum: PRIORITIES, description: "Who is shed first under overload; normal." },
    deadLetters: { enum: DEAD_LETTER_MODES },
    privacySaltFile: {
      type: "string",
      minLength: 1,
      maxLength: 4_096,
      description: "File whose text (at least 16 bytes) keys the hashes of private fields.",
    },
    dedupe: {
      type: "object",
      additionalProperties: false,
      required: ["windowSeconds"],
      properties: { windowSeconds: { type: "integer", minimum: 1, maximum: 86_400 } },
      description: "An event whose id was stored so lately is a duplicate; absent: ids may repeat.",
    },
    sessions: {
      type: "object",
      additionalProperties: false,
      properties: {
        gapMs: { type: "integer", minimum: 1_000, maximum: 86_400_000 },
        lengthMs: { type: "integer", minimum: 1_000, maximum: 604_800_000 },
      },
    },
    note: TEXT,
  },
} as const;

const CLAIM = {
  type: "string",
  pattern: "^(/([^~/]|~[01])+)+$",
  maxLength: 200,
  description: "RFC 6901 pointer to a claim.",
} as const;

const ISSUER = {
  type: "object",
  additionalProperties: false,
  required: ["issuer", "audience", "algorithms", "tenant"],
  properties: {
    issuer: { type: "string", pattern: "^https?://[^\\s]+$", maxLength: 500 },
    jwksUrl: {
      type: "string",
      pattern: "^https?://[^\\s]+$",
      maxLength: 500,
      description: "Where its keys are; absent: OpenID Connect discovery tells.",
    },
    audience: {
      type: "array",
      minItems: 1,
      maxItems: 20,
      items: { type: "string", minLength: 1, maxLength: 500 },
      description: "One of these has to be in the aud of a token.",
    },
    algorithms: {
      type: "array",
      minItems: 1,
      items: { enum: TOKEN_ALGORITHMS },
      description: "The signatures that are taken, whatever a token says of itself.",
    },
    tenant: {
      description: "The tenant: a claim, or one and the same for all tokens.",
      oneOf: [
        {
          type: "object",
          additionalProperties: false,
          required: ["claim"],
          properties: { claim: CLAIM },
        },
        {
          type: "object",
          additionalProperties: false,
          required: ["name"],
          properties: { name: { type: "string", pattern: NAME } },
        },
      ],
    },
    source: { ...CLAIM, description: "Claim with the source; /azp if absent." },
    roles: { ...CLAIM, description: "Claim with roles or scopes; /scope if absent." },
    scopes: {
      type: "object",
      maxProperties: 1_000,
      additionalProperties: {
        type: "array",
        maxItems: 100,
        items: { type: "string", pattern: "^[a-z]+:[^\\s]{1,200}$" },
      },
      description:
        'What a role allows, like {"ingest":["write:*"]}; roles not named allow nothing.',
    },
  },
} as const;

export const TENANTS_FILE_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "sluice tenants file",
  type: "object",
  additionalProperties: false,
  required: ["tenants"],
  properties: {
    $schema: { type: "string" },
    tenants: {
      type: "object",
      minProperties: 1,
      maxProperties: 100_000,
      propertyNames: { pattern: NAME },
      additionalProperties: TENANT,
    },
    issuers: { type: "array", maxItems: 100, items: ISSUER },
  },
} as const;

/** The text of docs/tenants.schema.json. */
export function tenantsSchemaText(): string {
  return `${JSON.stringify(TENANTS_FILE_SCHEMA, null, 2)}\n`;
}
