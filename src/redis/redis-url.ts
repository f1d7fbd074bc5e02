/**
 * A Redis URL taken apart: redis://user:password@host:port/db, or rediss:// for TLS. It knows no
 * client. Its sentences never repeat the URL, which may hold a password.
 */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly isTls: boolean;
}

const PORT_DEFAULT = 6379;

/** Throws a sentence for what is not such a URL: a start-up failure. */
export function parseRedisUrl(text: string): RedisAddress {
  if (!URL.canParse(text)) {
    throw new Error("The Redis URL is not a URL: it looks like redis://user:password@host:6379/0.");
  }
  const url = new URL(text);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new Error("The Redis URL begins with redis:// or rediss:// (TLS).");
  }
  if (url.hostname === "" || url.search !== "" || url.hash !== "") {
    throw new Error("The Redis URL has a host, and nothing behind the database number.");
  }
  const database = url.pathname.replace(/^\//, "");
  if (!/^\d{0,4}$/.test(database)) {
    throw new Error("The Redis URL ends with a database number (or with nothing, for 0).");
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? PORT_DEFAULT : Number(url.port),
    db: Number(database),
    ...(url.username === "" ? {} : { username: decode(url.username) }),
    ...(url.password === "" ? {} : { password: decode(url.password) }),
    isTls: url.protocol === "rediss:",
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error("User and password in the Redis URL are percent-encoded.");
  }
}
