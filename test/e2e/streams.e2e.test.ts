/**
 * Streams over a real gateway: resuming after a cut, two sockets of one stream, forged tokens, and
 * every close code that a client can provoke in a moment.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { ResumingStream, StreamClient } from "../stream-client.ts";

let gateway: Gateway;

before(async () => {
  const tenants = ["--tenants", "shop/web=key-web,shop/app=key-app"];
  gateway = await Gateway.start({ flags: tenants });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
});

function event(id: string, query: unknown = "green tea") {
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: id, timestamp, anonymousId: "visitor-7", query, resultCount: 42 };
  return { type: "search", id, data };
}

const AUTH = { auth: "key-web" } as const;

test("a stream goes on after its socket was cut, and each event has one outcome", async () => {
  const stream = new ResumingStream(gateway.streamUrl, AUTH);
  const first = await stream.connect();
  stream.publish(first, [event("s-1"), event("s-2", 5), event("s-3")]);
  first.close();
  const second = await stream.connect();
  const welcome = await second.next("welcome");
  assert.equal(welcome["resumed"], true);
  assert.ok(Number(welcome["epoch"]) > Number((await first.next("welcome"))["epoch"]));
  stream.publish(second, [event("s-4")]);
  await stream.settled(second);
  assert.deepEqual(Object.fromEntries(stream.outcomes), {
    1: "stored",
    2: "rejected",
    3: "stored",
    4: "stored",
  });
  second.send({ t: "bye", last: 4 });
  assert.equal((await second.closed).code, 1000);
});

test("two sockets of one stream: the later one has it", async () => {
  const stream = new ResumingStream(gateway.streamUrl, AUTH);
  const first = await stream.connect();
  const second = await stream.connect();
  assert.equal((await first.closed).code, 4409);
  stream.publish(second, [event("t-1")]);
  await stream.settled(second);
  second.close();
});

test("row 37: a known stream needs its own token; a stranger with it gets his own stream", async () => {
  const stream = new ResumingStream(gateway.streamUrl, AUTH);
  const client = await stream.connect();
  stream.publish(client, [event("u-1")]);
  await stream.settled(client);
  const code = async (members: object) => {
    const other = await StreamClient.open(gateway.streamUrl);
    other.send({ t: "hello", v: 1, stream: stream.stream, next: 2, ...AUTH, ...members });
    return (await other.closed).code;
  };
  const token = stream.resume ?? "";
  assert.equal(await code({}), 4410, "without a token");
  assert.equal(await code({ resume: token.slice(0, -3) }), 4410, "cut short");
  const flipped = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
  assert.equal(await code({ resume: `x${flipped}` }), 4410, "changed");
  const foreign = await StreamClient.hello(gateway.streamUrl, {
    stream: stream.stream,
    resume: token,
    auth: "key-app",
  });
  const { resumed, done } = await foreign.next("welcome");
  assert.deepEqual({ resumed, done }, { resumed: false, done: 0 }, "nothing of it is told");
  client.send({ t: "bye", last: 1 });
  assert.equal((await client.closed).code, 1000, "and its owner is not disturbed");
  foreign.close();
  assert.equal(await code({ resume: token, next: 1 }), 4410, "numbers used before");
});

test("frames that are wrong are closed with the code of their class", async () => {
  const url = gateway.streamUrl;
  const closedBy = async (frame: object | string, members: object = {}) => {
    const client = await StreamClient.hello(url, { ...AUTH, ...members });
    client.send(frame);
    return (await client.closed).code;
  };
  assert.equal(await closedBy({ t: "hello", v: 1 }), 4400);
  assert.equal(await closedBy({ t: "pub", seq: 3, events: [event("g")] }), 4400);
  assert.equal(await closedBy({ t: "pub", seq: 0, events: [event("g")] }), 4400);
  assert.equal(await closedBy(""), 4400);
  assert.equal(await closedBy({ t: "auth", token: "nonsense" }), 4401);
  assert.equal(await closedBy({ t: "auth", token: "key-app" }), 4403);
  const many = Array.from({ length: 101 }, () => event("g"));
  assert.equal(await closedBy({ t: "pub", seq: 1, events: many }), 4429);
  const first = async (frame: object) => {
    const client = await StreamClient.open(url);
    client.send(frame);
    return (await client.closed).code;
  };
  const hello = { t: "hello", v: 1, stream: "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f60", ...AUTH };
  assert.equal(await first({ t: "ping", n: 1 }), 4408);
  assert.equal(await first({ ...hello, client: { name: "x".repeat(9_000) } }), 4408);
  assert.equal(await first({ ...hello, auth: "nonsense" }), 4401);
  assert.equal(await first({ ...hello, v: 99 }), 4426);
  assert.equal(await first({ ...hello, order: "strict" }), 4426);
  const flood = await StreamClient.hello(url, AUTH);
  for (let n = 0; n < 150; n += 1) flood.send({ t: "ping", n });
  assert.equal((await flood.closed).code, 1008);
  const binary = await StreamClient.hello(url, AUTH);
  binary.sendBinary(new Uint8Array(3));
  assert.equal((await binary.closed).code, 1003);
  const server = await StreamClient.hello(url, AUTH);
  server.send({ t: "ack", upto: 5 });
  assert.equal((await server.next("error"))["code"], "unknown_type");
  server.close();
});

test("credentials come in a second subprotocol, too", async () => {
  const token = Buffer.from("key-web").toString("base64url");
  const protocols = ["sluice.v1.json", `sluice.auth.${token}`];
  const client = await StreamClient.open(gateway.streamUrl, protocols);
  client.send({ t: "hello", v: 1, stream: "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f61" });
  await client.next("welcome");
  client.close();
});

/** Stops a gateway with a stream in flight and an idle one; gives how the idle one was closed. */
async function leaving(): Promise<number> {
  await using gone = await Gateway.start();
  const stream = new ResumingStream(gone.streamUrl);
  const client = await stream.connect();
  stream.publish(client, [event("d-1"), event("d-2")]);
  const idle = await StreamClient.hello(gone.streamUrl);
  gone.signal("SIGTERM");
  const goaway = await idle.next("goaway");
  assert.equal(goaway["reason"], "drain");
  idle.send({ t: "bye", last: 0 });
  const { code } = await idle.closed;
  await stream.settled(client);
  assert.equal((await client.closed).code, 1012);
  assert.equal(await gone.ended(), 0);
  return code;
}

test("a gateway that stops asks its clients to leave, and answers what it has", async () => {
  let code = 1012;
  // It may leave by itself, within a second: where the machine stood still, another one does.
  while (code === 1012) code = await leaving();
  assert.equal(code, 1000);
});

test("a stream moves between two gateways that share a memory, in flight or not", async () => {
  const flags = ["--redis-url", testService("redis"), "--tenants", "shop/web=key-web"];
  await using one = await Gateway.start({ flags });
  await using two = await Gateway.start({ flags });
  const stream = new ResumingStream(one.streamUrl, AUTH);
  const first = await stream.connect();
  stream.publish(first, [event("m-1"), event("m-2", 5)]);
  const second = await stream.connect(two.streamUrl);
  assert.equal((await first.closed).code, 4409);
  const welcome = await second.next("welcome");
  assert.equal(welcome["resumed"], true);
  assert.equal(welcome["dup_possible"], false, "the first one has told everything");
  stream.publish(second, [event("m-3")]);
  await stream.settled(second);
  one.signal("SIGKILL");
  await one.ended();
  two.signal("SIGKILL");
  await two.ended();
  await using three = await Gateway.start({ flags });
  const third = await stream.connect(three.streamUrl);
  assert.equal((await third.next("welcome"))["resumed"], true);
  stream.publish(third, [event("m-4")]);
  await stream.settled(third);
  assert.equal(stream.outcomes.get(2), "rejected");
  assert.equal(stream.outcomes.size, 4);
  third.close();
});
