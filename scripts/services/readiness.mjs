/**
 * Does a server answer? Each check speaks the server's own protocol for one exchange and answers
 * true or false within seconds; none throws.
 */
import { Buffer } from "node:buffer";
import { connect } from "node:net";

const LOOPBACK = "127.0.0.1";
const CHECK_TIMEOUT_MS = 3_000;
const ANSWER_BYTES_MAX = 64 * 1024;

const API_VERSIONS_KEY = 18;
const CORRELATION_ID = 0x51_75_1c_e0;

/** Version 3.0, and the first byte of the request to identify oneself. */
const POSTGRES_PROTOCOL = 0x00_03_00_00;
const POSTGRES_AUTHENTICATION = "R".charCodeAt(0);

/** Somebody listens on this port. */
export function acceptsConnections(port) {
  return new Promise((fulfil) => {
    const socket = connect({ host: LOOPBACK, port });
    const finish = (isReady) => {
      socket.destroy();
      fulfil(isReady);
    };
    socket.setTimeout(CHECK_TIMEOUT_MS, () => finish(false));
    socket.once("error", () => finish(false));
    socket.once("connect", () => finish(true));
  });
}

/** An HTTP server answers this address with a status of 2xx. */
export async function answersHttp(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * A Kafka broker answers ApiVersions. It opens its listeners to clients last, once the controller
 * has unfenced it, so that an answer means that topics can be created and records stored.
 */
export async function answersKafka(port) {
  const request = Buffer.alloc(14);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(API_VERSIONS_KEY, 4);
  request.writeInt16BE(0, 6);
  request.writeInt32BE(CORRELATION_ID, 8);
  request.writeInt16BE(-1, 12);
  return await exchange({
    port,
    request,
    isComplete: (answer) => answer.length >= 8,
    isGood: (answer) => answer.readInt32BE(4) === CORRELATION_ID,
  });
}

/**
 * A Redis server takes these commands (inline form), answers the PING behind them, and its answers
 * match `expected`.
 */
export async function answersRedis(port, commands, expected = /\+PONG/u) {
  return await exchange({
    port,
    request: Buffer.from(`${[...commands, "PING"].join("\r\n")}\r\n`),
    isComplete: (answer) => /^-|^\+PONG\r\n/mu.test(answer.toString("latin1")),
    isGood: (answer) => {
      const text = answer.toString("latin1");
      return text.endsWith("+PONG\r\n") && expected.test(text);
    },
  });
}

/**
 * A PostgreSQL server asks who wants to come in. While it starts or recovers it refuses instead.
 */
export async function answersPostgres(port, { user, database }) {
  const words = Buffer.from(`user\0${user}\0database\0${database}\0\0`);
  const request = Buffer.alloc(8 + words.length);
  request.writeInt32BE(request.length, 0);
  request.writeInt32BE(POSTGRES_PROTOCOL, 4);
  words.copy(request, 8);
  return await exchange({
    port,
    request,
    isComplete: (answer) => answer.length > 0,
    isGood: (answer) => answer[0] === POSTGRES_AUTHENTICATION,
  });
}

function exchange({ port, request, isComplete, isGood }) {
  return new Promise((fulfil) => {
    let answer = Buffer.alloc(0);
    const socket = connect({ host: LOOPBACK, port });
    const finish = (isReady) => {
      socket.destroy();
      fulfil(isReady);
    };
    socket.setTimeout(CHECK_TIMEOUT_MS, () => finish(false));
    socket.once("error", () => finish(false));
    socket.once("close", () => fulfil(false));
    socket.once("connect", () => socket.write(request));
    socket.on("data", (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (isComplete(answer)) finish(isGood(answer));
      else if (answer.length > ANSWER_BYTES_MAX) finish(false);
    });
  });
}
