/** What a model server does to its clients. */

/** How likely each kind of trouble is, from 0 to 1. */
export interface Trouble {
  /** Per frame of the client: the connection is cut before or after it is read. */
  cut: number;
  retry: number;
  /** An ack is lost with its connection. */
  lostAck: number;
  /** Credit is held back for a while after an ack. */
  starve: number;
  superseded: number;
  /**
   * At a hello: the token is no longer good (4410), the stream is forgotten, the login is (4401).
   */
  denied: number;
  forgotten: number;
  unauthenticated: number;
  goaway: number;
  refused: number;
}

export const NO_TROUBLE: Trouble = {
  cut: 0,
  retry: 0,
  lostAck: 0,
  starve: 0,
  superseded: 0,
  denied: 0,
  forgotten: 0,
  unauthenticated: 0,
  goaway: 0,
  refused: 0,
};
