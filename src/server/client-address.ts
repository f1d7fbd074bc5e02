/**
 * Where a request really comes from. What a proxy says of its client counts only if the proxy is a
 * trusted one: anybody can write X-Forwarded-For or a PROXY header. Pure; no sockets.
 */
import { BlockList, isIP } from "node:net";

/** Addresses in a forwarding header that are looked at; a longer list is not believed. */
const HOPS_MAX = 20;

export interface AddressFacts {
  /** Of the connection itself, as text. */
  readonly remote: string;
  /** By the PROXY protocol v2; "" if the connection did not begin with it. */
  readonly proxied: string;
  /** X-Forwarded-For; "" if there is none. */
  readonly forwardedFor: string;
}

export interface ClientAddress {
  readonly address: string;
  /** The connection is that of a trusted proxy: its other headers may be believed too. */
  readonly isTrusted: boolean;
}

/** Trusted proxies, as addresses and CIDR blocks. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** Throws with a sentence for an entry that is neither. */
  constructor(entries: readonly string[]) {
    this.#isEmpty = entries.length === 0;
    for (const entry of entries) this.#add(entry);
  }

  #add(entry: string): void {
    const [address = "", prefix] = entry.split("/");
    const family = isIP(address);
    if (family === 0) throw new Error(`${entry} is neither an address nor a CIDR block`);
    const type = family === 4 ? "ipv4" : "ipv6";
    const bits = family === 4 ? 32 : 128;
    const length = prefix === undefined ? bits : Number(prefix);
    if (!Number.isInteger(length) || length < 0 || length > bits) {
      throw new Error(`${entry} has no prefix between 0 and ${bits}`);
    }
    this.#list.addSubnet(address, length, type);
  }

  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? "ipv4" : "ipv6");
  }

  /** The client behind the trusted hops: the last address that no trusted proxy has. */
  clientOf({ remote, proxied, forwardedFor }: AddressFacts): ClientAddress {
    const near = plainAddress(remote);
    if (this.#isEmpty || !this.has(near)) return { address: near, isTrusted: false };
    const behind = proxied === "" ? near : plainAddress(proxied);
    const hops = forwardedFor === "" ? [] : forwardedFor.split(",").map(plainAddress);
    if (hops.length > HOPS_MAX) return { address: behind, isTrusted: true };
    let address = behind;
    for (const hop of hops.toReversed()) {
      if (!this.has(address) || isIP(hop) === 0) break;
      address = hop;
    }
    return { address, isTrusted: true };
  }
}

const PLAIN_IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

/** Without port, brackets, zone, and the prefix of an IPv4 address in IPv6 clothes. */
export function plainAddress(text: string): string {
  // As most of them are, looked at for every request.
  if (PLAIN_IPV4.test(text)) return text;
  const bracketed = /^\s*\[([^\]]*)\](:\d+)?\s*$/.exec(text);
  let address = (bracketed?.[1] ?? text).trim();
  if (bracketed === null && /^[\d.]+:\d+$/.test(address)) address = address.replace(/:\d+$/, "");
  const zone = address.indexOf("%");
  if (zone >= 0) address = address.slice(0, zone);
  const mapped = /^(?:0{0,4}:){2,5}ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? shortIpv6(address);
}

/** uWebSockets writes all eight groups; the list compares numbers, people like the short form. */
function shortIpv6(address: string): string {
  if (isIP(address) !== 6) return address;
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
