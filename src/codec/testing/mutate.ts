/** Small damage to a text, as bad clients and bad wires do it. */
import type { Random } from "./random-schema.ts";

const TOKENS = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "0",
  "-",
  "1e999",
  "null",
  "\\ud800",
  "\u0000",
  "é",
  '"a":1,',
  "\\u00",
  " ",
  "tru",
];

/** One to three places of the text replaced, cut or filled. */
export function mutate(line: Buffer, random: Random): Buffer {
  let text = line;
  for (let count = 1 + random(3); count > 0; count -= 1) {
    const at = random(text.length + 1);
    const end = Math.min(text.length, at + random(6));
    const token = Buffer.from(TOKENS[random(TOKENS.length)] ?? "");
    const noise = random(3) === 0 ? Buffer.from([random(256)]) : token;
    const middle = random(4) === 0 ? Buffer.alloc(0) : noise;
    text = Buffer.concat([text.subarray(0, at), middle, text.subarray(end)]);
  }
  return text;
}
