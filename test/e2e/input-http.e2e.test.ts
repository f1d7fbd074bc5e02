/**
 * The rows of the bad-input matrix about HTTP itself: bytes that no client library sends, judged by
 * what comes back, what was stored, and what is left open. A client beside them is never harmed.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { Beside, soundEvent } from "../beside.ts";
import { Gateway } from "../gateway.ts";
import { RawPeer, chunked, postRequest, soundPost } from "../raw-peer.ts";
import { untilAnswered, untilClosed, upgradeHead } from "../raw-peer.ts";

const EVENT = soundEvent("hostile");
const LENGTH = `Content-Length: ${EVENT.length}`;
/** A whole request: stands behind bad ones, and must never be taken for one. */
const TAIL = soundPost(soundEvent("tail"));
const CHUNKED = "Transfer-Encoding: chunked";

let gateway: Gateway;
let beside: Beside;

before(async () => {
  gateway = await Gateway.start();
  beside = await Beside.start(gateway);
});

after(async () => {
  await beside.end();
  assert.equal(await gateway.stop(), 0);
});

type Cases = Readonly<Record<string, string | Uint8Array>>;

/**
 * Each gets one of the statuses, or no answer at all (0), and its connection closes: at once where
 * the fault can be seen, when its timer ends where it looks like a slow client.
 */
async function refused(cases: Cases, statuses: readonly number[]): Promise<void> {
  const peers = Object.entries(cases).map(async ([name, bytes]) => {
    const { answers } = await untilClosed(gateway.port, bytes);
    assert.ok(answers.length <= 1, `${name}: one answer at most`);
    const status = answers[0]?.status ?? 0;
    assert.ok(statuses.includes(status), `${name}: ${status} ${answers[0]?.body ?? ""}`);
  });
  await Promise.all(peers);
}

function binaryPost(headers: readonly string[], body: Uint8Array): Buffer {
  const head = postRequest([`Content-Length: ${body.length}`, ...headers], "");
  return Buffer.concat([Buffer.from(head), body]);
}

function get(target: string, method = "GET"): string {
  return `${method} ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;
}

function code(body: string): unknown {
  return (JSON.parse(body) as Readonly<Record<string, unknown>>)["code"];
}

test("input 1: an empty body is 400 empty, however it says that it is empty", async () => {
  const empty = ["Content-Length: 0", CHUNKED, "Content-Length: ", "X: y"];
  for (const header of empty) {
    const body = header === CHUNKED ? "0\r\n\r\n" : "";
    const answer = await untilAnswered(gateway.port, postRequest([header], body));
    assert.equal(answer.status, 400, header);
    assert.equal(code(answer.body), "empty");
  }
  await beside.unharmed();
});

test("input 2: a length over the limit is refused before the body comes", async () => {
  await refused({ "99 MB": postRequest(["Content-Length: 99999999"], "") }, [413]);
  const over = "x".repeat(1024 * 1024 + 1);
  await refused({ chunked: postRequest([CHUNKED], chunked(over)) }, [413]);
  await beside.unharmed();
});

test("input 3: a chunked body is served, and the connection closed behind it", async () => {
  const peer = await untilClosed(gateway.port, postRequest([CHUNKED], chunked(EVENT)));
  const [answer] = peer.answers;
  assert.equal(answer?.status, 200, peer.text);
  assert.match(answer.body, /"stored":1/);
  assert.match(answer.head, /^Connection: close\r$/im);
  await refused(
    {
      "another coding": postRequest(["Transfer-Encoding: gzip, chunked"], chunked(EVENT)),
      "chunked first": postRequest(["Transfer-Encoding: chunked, identity"], chunked(EVENT)),
      identity: postRequest(["Transfer-Encoding: identity"], EVENT),
      twice: postRequest([CHUNKED, CHUNKED], chunked(EVENT)),
      "with a length": postRequest([LENGTH, CHUNKED], chunked(EVENT)),
      "with a length behind it": postRequest([CHUNKED, LENGTH], chunked(EVENT)),
    },
    [0, 400],
  );
  await beside.unharmed({ stored: 1 });
});

test("input 4: a length that is none, or two, stores no event of body or tail", async () => {
  const lengths = [
    "-5",
    `+${EVENT.length}`,
    "0x55",
    "5, 5",
    "5, 85",
    "99999999999999999999",
    "5 5",
  ];
  const cases = Object.fromEntries(
    lengths.map((length) => [length, postRequest([`Content-Length: ${length}`], EVENT + TAIL)]),
  );
  await refused(
    {
      ...cases,
      "two lengths": postRequest(["Content-Length: 5", LENGTH], `01234${TAIL}`),
      "the same twice": postRequest([LENGTH, LENGTH], EVENT + TAIL),
      "an empty one": postRequest(["Content-Length: "], TAIL),
      "space before the colon": postRequest([`Content-Length : ${EVENT.length}`], EVENT),
      "a nameless header hides it": postRequest([": z", `Content-Length: ${TAIL.length}`], TAIL),
      "an odd expectation": postRequest([LENGTH, "Expect: 200-ok"], EVENT + TAIL),
    },
    [0, 400],
  );
  await beside.unharmed();
});

test("input 5: both framings, disguised codings, odd chunks: no tail is ever answered", async () => {
  const disguises = ["xchunked", '"chunked"', "\x0bchunked", "chunked;q=1", "", "chunked\x00"];
  const cases = Object.fromEntries(
    disguises.map((coding) => [coding, postRequest([`Transfer-Encoding: ${coding}`], TAIL)]),
  );
  const size = EVENT.length.toString(16);
  await refused(
    {
      ...cases,
      "both framings": postRequest([LENGTH, CHUNKED], chunked(EVENT) + TAIL),
      "space before the colon": postRequest(["Transfer-Encoding : chunked"], chunked(EVENT)),
      "in a folded line": postRequest(["X: y\r\n Transfer-Encoding: chunked"], chunked(EVENT)),
      "size g": postRequest([CHUNKED], `g\r\n${EVENT}\r\n0\r\n\r\n${TAIL}`),
      "size −1": postRequest([CHUNKED], `-1\r\n${EVENT}\r\n0\r\n\r\n${TAIL}`),
      "size 0x55": postRequest([CHUNKED], `0x${size}\r\n${EVENT}\r\n0\r\n\r\n${TAIL}`),
      "size 2^64 − 1": postRequest([CHUNKED], `ffffffffffffffff\r\n${EVENT}\r\n0\r\n\r\n${TAIL}`),
      "no size": postRequest([CHUNKED], `\r\n${EVENT}\r\n0\r\n\r\n${TAIL}`),
      "a refusal, then a tail": postRequest([CHUNKED], `0\r\n\r\n${TAIL}`),
      "no end of the last chunk": postRequest([CHUNKED], `0\r\n${TAIL}`),
    },
    [0, 400],
  );
  await beside.unharmed();
});

test("input 5: bare line feeds between chunks hide no second request", async () => {
  const lines = `${EVENT.length.toString(16)}\n${EVENT}\n0\n\n`;
  await refused({ "bare LF": postRequest([CHUNKED], lines) }, [200]);
  const answers = await untilClosed(gateway.port, postRequest([CHUNKED], lines + TAIL));
  assert.ok(answers.answers.length <= 1);
  await beside.unharmed({ stored: 2 });
});

test("input 6: headers: 12 KiB of them are taken, more, many, or unsound ones are not", async () => {
  const long = (size: number) => `X-Long: ${"x".repeat(size)}`;
  const taken = await untilAnswered(gateway.port, soundPost(EVENT, [long(12 * 1024)]));
  assert.equal(taken.status, 200);
  const many = Array.from({ length: 101 }, (_, index) => `X-${index}: y`);
  const start = `POST /v1/events HTTP/1.1\r\n${LENGTH}\r\n`;
  await refused(
    {
      "20 KiB": soundPost(EVENT, [long(20 * 1024)]),
      "101 of them": soundPost(EVENT, many),
      "with NUL": soundPost(EVENT, ["X: a\0b"]),
      folded: soundPost(EVENT, ["X: a\r\n b"]),
      "no colon": soundPost(EVENT, ["XY"]),
      "space in the name": soundPost(EVENT, ["X Y: z"]),
      "no Host": `${start}\r\n${EVENT}`,
      "two Hosts": soundPost(EVENT, ["Host: y"]),
      "HTTP/1.0": soundPost(EVENT).replace("HTTP/1.1", "HTTP/1.0"),
      "HTTP/1.2": soundPost(EVENT).replace("HTTP/1.1", "HTTP/1.2"),
      "HTTP/0.9": "GET /\r\n\r\n",
      "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "TLS hello": Buffer.from(`16030100f8010000f40303${"aa".repeat(240)}`, "hex"),
      garbage: new Uint8Array(300).fill(0xff),
    },
    [0, 400, 431, 505],
  );
  await beside.unharmed({ stored: 1 });
});

test("input 7: slow heads and bodies, silence, and what waits for more are cut", async () => {
  const drip = async (first: string, bytes: string) => {
    const peer = await RawPeer.connect(gateway.port);
    peer.send(first);
    for (let at = 0; !peer.isClosed; at = (at + 1) % bytes.length) {
      peer.send(bytes.charAt(at));
      await Promise.race([peer.closed(), delay(1_000)]);
    }
    peer.end();
    return peer.answers.length;
  };
  // These wait for more, and get it or not: uWebSockets takes them for slow.
  const waiting = refused(
    {
      "a length too small": postRequest([`Content-Length: ${EVENT.length - 5}`], EVENT),
      "a length too large": postRequest([`Content-Length: ${EVENT.length + 5}`], EVENT),
      "a chunk's extension": postRequest([CHUNKED], `55;a=b\r\n${EVENT}\r\n0\r\n\r\n`),
      "CR in a header": soundPost(EVENT, ["X: a\rb"]),
    },
    [0, 400],
  );
  const answered = await Promise.all([
    drip("POST /v1/events HTTP/1.1\r\nX: ", "y"),
    drip(postRequest(["Content-Length: 5000"], '{"type":'), " "),
    drip(postRequest([CHUNKED], "400\r\n"), " "),
    untilClosed(gateway.port, "").then(({ answers }) => answers.length),
  ]);
  assert.deepEqual(answered, [0, 0, 0, 0]);
  await waiting;
  await beside.unharmed();
});

test("input 8: paths and methods that are not there, and odd targets, inject nothing", async () => {
  const paths = ["/nope", "/v1%2fevents", "//v1//events", "/v1/../metrics", "/\xff\xfe"];
  const split = "/%0d%0aSet-Cookie:%20a=b%0d%0a";
  for (const target of [...paths, split]) {
    const [answer] = (await untilClosed(gateway.port, get(target))).answers;
    assert.equal(answer?.status, 404, target);
    assert.doesNotMatch(answer.head, /set-cookie/i);
  }
  for (const method of ["PUT", "DELETE", "TRACE", "BREW", "get"]) {
    const [answer] = (await untilClosed(gateway.port, get("/v1/events", method))).answers;
    assert.equal(answer?.status, 405, method);
    assert.match(answer.head, /^Allow: POST/im);
  }
  const odd = ["OPTIONS *", "GET http://evil.example/v1/events", "CONNECT a:1", "GET /\x01"];
  const cases = odd.map((line) => [line, `${line} HTTP/1.1\r\nHost: x\r\n\r\n${TAIL}`]);
  await refused(Object.fromEntries(cases) as Cases, [0, 400, 404, 505]);
  await refused(
    { "a tail": get("/nope") + TAIL, "after PUT": get("/v1/events", "PUT") + TAIL },
    [0, 404, 405],
  );
  await beside.unharmed();
});

test("input 8: HEAD gets no body; a path ending in a slash is the same path", async () => {
  const head = await untilClosed(gateway.port, get("/v1/events", "HEAD"));
  assert.match(head.text, /^HTTP\/1\.1 405 [^]*\r\n\r\n$/);
  const slash = soundPost(EVENT).replace("/v1/events", "/v1/events/");
  assert.equal((await untilAnswered(gateway.port, slash)).status, 200);
  await beside.unharmed({ stored: 1 });
});

test("input 9: bodies are judged by content; UTF-16 and forms are 415", async () => {
  const taken = ["text/xml", "application/octet-stream", "text/plain;charset=utf-8", ";;;;"];
  for (const type of taken) {
    const answer = await untilAnswered(gateway.port, soundPost(EVENT, [`Content-Type: ${type}`]));
    assert.equal(answer.status, 200, type);
  }
  const types = ["application/json; charset=utf-16", "multipart/form-data; boundary=x"];
  const cases = types.map((type) => [type, soundPost(EVENT, [`Content-Type: ${type}`]) + TAIL]);
  await refused(Object.fromEntries(cases) as Cases, [0, 415]);
  await beside.unharmed({ stored: taken.length });
});

test("input 10: bombs, torn, doubled and unknown codings are refused, off the loop", async () => {
  const gzip = gzipSync(EVENT);
  const zstd = zstdCompressSync(EVENT);
  const spaces = Buffer.alloc(20_000_000, " ");
  const said = (coding: string, body: Uint8Array) =>
    binaryPost([`Content-Encoding: ${coding}`], body);
  const bombs = {
    gzip: said("gzip", gzipSync(spaces)),
    zstd: said("zstd", zstdCompressSync(spaces)),
  };
  await refused(bombs, [413]);
  const junk = Buffer.from("garbage");
  await refused(
    {
      "torn gzip": said("gzip", gzip.subarray(0, -9)),
      "torn zstd": said("zstd", zstd.subarray(0, -4)),
      "gzip and more": said("gzip", Buffer.concat([gzip, junk])),
      "zstd and more": said("zstd", Buffer.concat([zstd, junk])),
      "two zstd frames": said("zstd", Buffer.concat([zstd, zstd])),
      "gzip that is none": said("gzip", Buffer.from(EVENT)),
    },
    [400],
  );
  const doubled = await untilAnswered(gateway.port, said("gzip", gzipSync(gzip)));
  assert.equal(code(doubled.body), "bad_json");
  await refused(
    {
      br: said("br", brotliCompressSync(EVENT)),
      deflate: said("deflate", gzip),
      "gzip, gzip": said("gzip, gzip", gzipSync(gzip)),
    },
    [415],
  );
  await beside.unharmed();
});

test("input 28: batches of none, all that is allowed, one more; one bad among many", async () => {
  const batch = (count: number, more = "") =>
    soundPost(`[${Array<string>(count).fill(EVENT).join(",")}${more}]`);
  const answer = async (bytes: string) => {
    const { status, body } = await untilAnswered(gateway.port, bytes);
    return [status, JSON.parse(body)] as [number, { stored?: number; rejected?: object[] }];
  };
  assert.equal((await answer(batch(0)))[1].stored, 0);
  assert.equal((await answer(batch(500)))[1].stored, 500);
  assert.equal((await answer(batch(501)))[0], 413);
  const [, mixed] = await answer(batch(400, ",7"));
  assert.equal(mixed.stored, 400);
  assert.equal(mixed.rejected?.length, 1);
  await beside.unharmed({ stored: 900 });
});

test("input 46: pipelined requests are answered in order, or the connection closes", async () => {
  const page = get("/openapi.json");
  const peer = await RawPeer.connect(gateway.port);
  peer.send(page + page + soundPost(EVENT));
  await peer.answered(3);
  assert.deepEqual(
    peer.answers.map(({ status, body }) => [status, body.slice(0, 10)]),
    [
      [200, '{"openapi"'],
      [200, '{"openapi"'],
      [200, '{"stored":'],
    ],
  );
  peer.end();
  // The second comes while the first is pending: uWebSockets ends the connection.
  const two = await untilClosed(gateway.port, soundPost(EVENT) + TAIL);
  assert.ok(two.answers.length <= 1);
  const last = await untilClosed(gateway.port, soundPost(EVENT, ["Connection: close"]) + TAIL);
  assert.ok(last.answers.length <= 1);
  await beside.unharmed({ stored: 3 });
});

test("input 47: clients that leave in mid-body or mid-answer leave nothing behind", async () => {
  const leave = async (bytes: string, isThere: (text: string) => boolean) => {
    const peer = await RawPeer.connect(gateway.port);
    peer.send(bytes);
    if (isThere("")) await delay(30);
    else await peer.until(isThere);
    peer.socket.resetAndDestroy();
  };
  const always = () => true;
  await Promise.all([
    leave(postRequest(["Content-Length: 5000"], EVENT), always),
    leave(postRequest([CHUNKED], "400\r\n{"), always),
    leave("POST /v1/ev", always),
    leave(get("/openapi.json").repeat(20), (text) => text.length > 0),
    leave(upgradeHead(), (text) => text.includes("101")),
    leave(upgradeHead().slice(0, -4), always),
  ]);
  await beside.unharmed();
});

test("input 47: a client that resets before its answer has its event stored once", async () => {
  const { received } = await gateway.ledger();
  const peer = await RawPeer.connect(gateway.port);
  peer.send(soundPost(EVENT));
  while ((await gateway.ledger())["received"] === received) await delay(5);
  peer.socket.resetAndDestroy();
  await beside.unharmed({ stored: 1 });
});

test("input 48: beacons need no preflight, and odd preflights get the documented answer", async () => {
  const beacon = ["Content-Type: text/plain", "Origin: http://localhost:3000"];
  assert.equal((await untilAnswered(gateway.port, soundPost(EVENT, beacon))).status, 200);
  const odd = [
    "Origin: https://shop.example\r\nAccess-Control-Request-Method: BREW",
    "Origin: null\r\nAccess-Control-Request-Headers: x-a, \x7f, *",
    "Access-Control-Request-Method: POST",
  ];
  for (const headers of odd) {
    const preflight = `OPTIONS /v1/events HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`;
    const { status, head } = await untilAnswered(gateway.port, preflight);
    assert.ok(status === 204 || status === 0, head);
    assert.doesNotMatch(head, /allow-credentials: true[^]*allow-origin: \*/i);
    assert.doesNotMatch(head, /allow-origin: \*[^]*allow-credentials: true/i);
  }
  await beside.unharmed({ stored: 1 });
});

test("input 49: what belongs to the admin port is not on the public one", async () => {
  const paths = ["/metrics", "/livez", "/readyz", "/startupz", "/schemas", "/admin", "/debug"];
  for (const path of [...paths, "/metrics/", "/%6detrics", "/v1/events/../../metrics"]) {
    for (const host of ["x", `127.0.0.1:${gateway.run.adminPort}`]) {
      const { status, body } = await untilAnswered(
        gateway.port,
        get(path).replace("Host: x", `Host: ${host}`),
      );
      assert.equal(status, 404, `${path}: ${body}`);
    }
  }
  await beside.unharmed();
});
