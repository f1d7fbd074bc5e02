/**
 * The embedded broker as a process of its own, so that a test can suspend it. Prints its address;
 * ends when its input does.
 */
import { EmbeddedBroker } from "../embedded-broker.ts";

const broker = new EmbeddedBroker();
console.log(await broker.start());
process.stdin.on("end", () => {
  void broker.stop().then(() => process.exit(0));
});
process.stdin.resume();
