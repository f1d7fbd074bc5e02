/**
 * Where a request carries its credentials: Authorization (Bearer or Basic with the key as user
 * name), X-Write-Key, `?key=` for beacons, the `sluice.auth.…` value among offered subprotocols, a
 * cookie of an upgrade.
 */

export interface CredentialHeaders {
  readonly authorization: string;
  readonly writeKey: string;
  /** Raw query string, without "?". */
  readonly query: string;
}

/** The write key or token of a request, null if it has none. A header wins over the query. */
export function credentialsOf(headers: CredentialHeaders): string | null {
  const fromAuthorization = authorizationCredentials(headers.authorization);
  if (fromAuthorization !== null) return fromAuthorization;
  if (headers.writeKey !== "") return headers.writeKey;
  if (headers.query === "") return null;
  return new URLSearchParams(headers.query).get("key");
}

/**
 * RFC 7617 and RFC 6750. The colon after a Basic user name may be missing: some clients forget it.
 */
export function authorizationCredentials(authorization: string): string | null {
  const space = authorization.indexOf(" ");
  if (space < 0) return authorization === "" ? null : authorization;
  const scheme = authorization.slice(0, space).toLowerCase();
  const value = authorization.slice(space + 1).trim();
  if (scheme === "bearer") return value;
  if (scheme !== "basic") return authorization;
  const pair = Buffer.from(value, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? pair : pair.slice(0, colon);
}

const AUTH_COOKIE = "sluice_auth";

/** The key or token in the cookie of an upgrade (RFC 6265), null if there is none. */
export function cookieCredentials(cookies: string): string | null {
  for (const pair of cookies.split(";")) {
    const equals = pair.indexOf("=");
    if (pair.slice(0, equals).trim() === AUTH_COOKIE) return pair.slice(equals + 1).trim();
  }
  return null;
}

const AUTH_SUBPROTOCOL = "sluice.auth.";

/**
 * The token that a browser hides among the subprotocols it offers (base64url), null if there is
 * none.
 */
export function subprotocolCredentials(offered: readonly string[]): string | null {
  const value = offered.find((name) => name.startsWith(AUTH_SUBPROTOCOL));
  if (value === undefined) return null;
  return Buffer.from(value.slice(AUTH_SUBPROTOCOL.length), "base64url").toString("utf8");
}
