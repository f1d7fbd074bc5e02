/**
 * Names that belong to nobody outside. A page may make its own name point to this machine (DNS
 * rebinding) and then read what is served here as if it were its own; its Host is still its name.
 */
import { isIP } from "node:net";

const PRIVATE_SUFFIX = /\.(?:localhost|local|internal|svc|cluster\.local)$/i;

/** Is this Host an address, or a name that no public DNS gives? With a port or without. */
export function isPrivateName(host: string): boolean {
  const name = nameOf(host);
  return isIP(name) !== 0 || !name.replace(/\.$/, "").includes(".") || PRIVATE_SUFFIX.test(name);
}

/**
 * Is this a name under which a private port is meant to be reached? Others are refused unless they
 * are among `names`, which the operator has set.
 */
export function isOwnName(host: string, names: readonly string[]): boolean {
  return isPrivateName(host) || names.includes(nameOf(host).toLowerCase());
}

/** Without its port, and without the brackets of an IPv6 address. */
export function nameOf(host: string): string {
  return host.replace(/:\d+$/, "").replaceAll(/^\[|\]$/g, "");
}
