/** Requests of the HTTP twin of a stream (docs/protocol.md §2.12). Pure. */

/** @param url of the gateway, without a slash at its end */
export function twinUrl(url: string, stream: string): string {
  return `${url}/v1/streams/${stream}/events`;
}

/** The members of a hello and those of a pub frame, as one object. */
export function twinBody(hello: object, pub: string): string {
  return `${JSON.stringify(hello).slice(0, -1)},${pub.replace('{"t":"pub",', "")}`;
}
