/**
 * Sends three events over a WebSocket and prints what becomes of them. It uses no library; read it
 * to see how little a client has to do. `npm run example -- websocket [URL]`
 */
import { randomUUID } from "node:crypto";

const url = process.argv[2] ?? "ws://127.0.0.1:8080/v1/stream";
const socket = new WebSocket(url, ["sluice.v1.json"]);
const say = (frame) => socket.send(JSON.stringify(frame));

const event = (query) => ({
  type: "search",
  data: {
    messageId: randomUUID(),
    timestamp: new Date().toISOString(),
    anonymousId: "visitor-7",
    query,
    resultCount: 42,
  },
});

socket.onopen = () => {
  say({ t: "hello", v: 1, auth: "demo", stream: randomUUID(), held: [], next: 1 });
};
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  console.log("server:", data);
  // The second event is wrong on purpose: it is rejected, its neighbours are stored.
  if (frame.t === "welcome") {
    say({ t: "pub", seq: 1, events: [event("tea"), event(5), event("cup")] });
  }
  if (frame.t === "ack" && frame.upto === 3) say({ t: "bye", last: 3 });
};
socket.onclose = ({ code }) => console.log("closed:", code);
socket.onerror = () => console.error(`no sluice at ${url}: start one with npm start`);
