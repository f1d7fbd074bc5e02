import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { parseStreamPost } from "./stream-post.ts";

const STREAM = "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f60";

function parse(body: string, stream = STREAM) {
  return parseStreamPost(Buffer.from(body), stream);
}

function postOf(body: string) {
  const parsed = parse(body);
  assert.equal(parsed.kind, "post", JSON.stringify(parsed));
  return parsed.kind === "post" ? parsed.post : assert.fail();
}

describe("parseStreamPost", () => {
  test("hello's members are read, the events stay bytes with all their digits", () => {
    const events = '[{"type":"a","data":{"n":12345678901234567890.0}}]';
    const body = ` {"auth":"k","resume":"r","held":[[3,4]],"next":6,"seq":5,"events":${events}}`;
    const { hello, frame } = postOf(body);
    assert.deepEqual(hello.held, [[3, 4]]);
    assert.deepEqual([hello.auth, hello.resume, hello.next, hello.version], ["k", "r", 6, 1]);
    assert.equal(Buffer.from(hello.stream).toString("hex"), STREAM.replaceAll("-", ""));
    const text = Buffer.from(frame ?? []).toString();
    assert.ok(text.startsWith('{"t":"pub","auth":"k"') && text.includes(events));
    assert.equal((JSON.parse(text) as { t: string }).t, "pub");
  });

  test("without held and next, what is sent is all that is held", () => {
    const { hello } = postOf('{"seq":7,"events":[{},{}],"key":"k"}');
    assert.deepEqual([hello.held, hello.next, hello.auth], [[[7, 8]], 9, "k"]);
  });

  test("without events it asks how the stream stands", () => {
    const { hello, frame } = postOf('{"held":[[1,2]],"next":3}');
    assert.equal(frame, null);
    assert.equal(hello.next, 3);
  });

  for (const [body, code] of [
    ["", "bad_json"],
    ["[]", "bad_json"],
    ["null", "bad_json"],
    ['{"seq":1', "bad_json"],
    ['{"seq":1,"events":{}}', "bad_request"],
    ['{"events":[{}]}', "bad_request"],
    ['{"seq":0,"events":[{}]}', "bad_request"],
    ['{"seq":1.5,"events":[{}]}', "bad_request"],
    ['{"seq":"1","events":[{}]}', "bad_request"],
    ['{"t":"pub","seq":1,"events":[{}]}', "bad_request"],
    ['{"seq":1,"events":[{}],"held":[[1,1]],"next":1}', "bad_request"],
    ['{"seq":9007199254740991,"events":[{}]}', "bad_request"],
    ['{"auth":7}', "bad_request"],
    ['{"resume":7}', "bad_request"],
  ] as const) {
    test(`${body || "nothing"} is ${code}`, () => {
      const parsed = parse(body);
      assert.equal(parsed.kind === "fault" && parsed.code, code);
    });
  }

  test("a path without a UUID is bad_request", () => {
    const parsed = parse("{}", "mine");
    assert.equal(parsed.kind === "fault" && parsed.code, "bad_request");
  });
});
