/**
 * The address at the other end of a connection, as text. Behind a proxy that is the proxy's: what a
 * client says of itself in a header is not believed here.
 */

/** `address`: 4 or 16 bytes, as uWebSockets gives them; IPv4 within IPv6 becomes IPv4. */
export function addressText(address: ArrayBuffer): string {
  const bytes = new Uint8Array(address);
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "";
  const isMapped = bytes.subarray(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 0xff));
  if (isMapped) return bytes.subarray(12).join(".");
  const view = new DataView(address);
  const groups = Array.from({ length: 8 }, (_, at) => view.getUint16(2 * at).toString(16));
  // The URL Standard writes addresses as RFC 5952 does.
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
