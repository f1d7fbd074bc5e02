/**
 * Loaded before a gateway by `npm run bench -- path --against DIRECTORY --no-kafka`, and by nobody
 * else: its producers take every record and confirm it some milliseconds later, at no cost. What is
 * left is the gateway's own work, which a busy machine's broker does not blur. No setting of the
 * gateway leads here.
 */
import type { Lane } from "../../src/delivery/lane.ts";
import type { ProducerPort } from "../../src/delivery/producer-port.ts";

/** Lanes differ by a millisecond each, as they do with brokers. */
const COMMIT_MS = 6;

/** The gateway that this process is: of this checkout or of another one. */
const main = process.argv.find((word) => word.endsWith("/src/main.ts")) ?? "";
// Whatever checkout it is, its lanes are these.
const { Lane: OwnLane } = (await import(main.replace("main.ts", "delivery/lane.ts"))) as {
  readonly Lane: typeof Lane;
};

const attach = Object.getOwnPropertyDescriptor(OwnLane.prototype, "attach")
  ?.value as Lane["attach"];

OwnLane.prototype.attach = function attachSwift(this: Lane, port: ProducerPort): void {
  attach.call(this, {
    connect: (timeoutMs, done) => port.connect(timeoutMs, done),
    produce: () => 0,
    flush: (_timeoutMs, done) => void setTimeout(() => done(0), COMMIT_MS + this.number),
    metadata: (topic, timeoutMs, done) => port.metadata(topic, timeoutMs, done),
    disconnect: (done) => port.disconnect(done),
    statistics: () => port.statistics(),
    describe: (kafkaCode) => port.describe(kafkaCode),
  });
};
