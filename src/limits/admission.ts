/** Bounds of who may send and how much: tenants, tokens, certificates, callers, quotas, load. */

/** A tenants file or a salt file beside it; a larger one is refused. */
export const TENANTS_FILE_BYTES_MAX = 16 * 1024 * 1024;

/** How often the tenants file is looked at. */
export const TENANTS_WATCH_MS = 1_000;

/** Sentences about one unsound tenants file. */
export const TENANT_FAULTS_MAX = 50;

/** Tokens that were found good, kept until they end; the one not used for longest is forgotten. */
export const TOKENS_KEPT_MAX = 10_000;

/** Tokens that were refused, and how long they are refused without another look. */
export const TOKENS_REFUSED_MAX = 1_000;
export const TOKEN_REFUSED_MS = 10_000;

/** What the clocks of an issuer and of this machine may differ by (RFC 7519 §4.1.4). */
export const TOKEN_SKEW_SECONDS = 30;

/** Characters of a token's key id and subject, and scopes that one token may bring. */
export const TOKEN_KEY_ID_MAX = 256;
export const TOKEN_SUBJECT_MAX = 256;
export const TOKEN_SCOPES_MAX = 200;

/** One answer of an issuer (discovery or keys); a longer one is refused. */
export const ISSUER_ANSWER_BYTES_MAX = 256 * 1024;
export const ISSUER_TIMEOUT_MS = 3_000;

/**
 * An issuer's keys are fetched at most so often because they are old, and at most so often because
 * tokens name unknown ones, however many do.
 */
export const ISSUER_COOLDOWN_MS = 30_000;

/**
 * Keys older than this are fetched anew; while their issuer is away they serve on, but not longer.
 */
export const ISSUER_KEYS_AGE_MS = 10 * 60_000;
export const ISSUER_KEYS_STALE_MS = 24 * 3_600_000;

/** A ticket opens one connection within this time. */
export const TICKET_TTL_MS = 30_000;
export const TICKET_BYTES_MAX = 4 * 1024;

/** Used tickets that one process remembers; beyond it tickets are refused. */
export const TICKETS_USED_MAX = 100_000;

/** How often the files of the certificate are looked at. */
export const CERTIFICATE_WATCH_MS = 5_000;

/** Certificates of clients whose names one process remembers. */
export const CERTIFICATES_KEPT_MAX = 10_000;

/** Addresses of clients that one process remembers; the one not seen for longest is forgotten. */
export const CALLERS_MAX = 100_000;

/**
 * How many of the oldest are looked at to find one without connections: a bounded piece of work.
 */
export const CALLERS_LOOKED_AT_MAX = 16;

/** WebSockets of one address: an office or a mobile network may stand behind it. */
export const ADDRESS_CONNECTIONS_MAX = 1_000;
export const ADDRESS_HANDSHAKES_PER_SECOND = 50;
export const ADDRESS_AUTH_FAILURES_PER_MINUTE = 60;

/** From this share of its time on the event loop counts as busy, percent. */
export const SHED_UTILIZATION_PERCENT = 95;

/** Of what is left from there to the whole; beyond it normal traffic may be shed too. */
export const SHED_NORMAL_PART = 0.6;

/** Answers that take so long are late: HTTP answers after four seconds at the latest. */
export const SHED_DELAY_MS = 1_500;

/** Between two looks at the load. */
export const SHED_LOOK_MS = 500;

/** Load has to have been lower for so long before less is shed. */
export const SHED_CALM_MS = 3_000;

/** Seconds of its rate that a sender may send at once after a pause. */
export const QUOTA_BURST_SECONDS = 2;

/** Quotas of tenants and sources that are kept; full ones are forgotten first. */
export const QUOTA_BUCKETS_MAX = 100_000;

/** How often processes tell one another what they need of the quotas they share. */
export const QUOTA_LEASE_MS = 1_000;

/** What a process needed counts so long. */
export const QUOTA_LEASE_STALE_MS = 5_000;
export const QUOTA_LEASE_DEADLINE_MS = 500;

/** Quotas that one process tells the others about in one renewal. */
export const QUOTA_LEASE_KEYS_MAX = 5_000;

/** Of processes that see the same edit of the tenants file one notes it; all see it by then, ms. */
export const AUDIT_CLAIM_MS = 600_000;
