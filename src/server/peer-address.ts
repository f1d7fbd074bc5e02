/**
 * The address at the other end of a connection, as text. Behind a proxy that is the proxy's: what a
 * client says of itself in a header is not believed here.
 */

/** `address`: 4 or 16 bytes, as uWebSockets gives them; IPv4 within IPv6 becomes IPv4. */
export function addressText(address: ArrayBuffer): string {
  if (address.byteLength === 0) return "";
  const bytes = new Uint8Array(address);
  if (bytes.length === 4) return ipv4Text(bytes, 0);
  if (bytes.length !== 16) return "";
  if (isMapped(bytes)) return ipv4Text(bytes, 12);
  const view = new DataView(address);
  const groups = Array.from({ length: 8 }, (_, at) => view.getUint16(2 * at).toString(16));
  // The URL Standard writes addresses as RFC 5952 does.
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

function isMapped(bytes: Uint8Array): boolean {
  for (let at = 0; at < 10; at += 1) if (bytes[at] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}
