/** The broker of bench/live.ts in a process of its own, so that nobody else pays for it. */
import { EmbeddedBroker } from "../../src/delivery/embedded-broker.ts";

const broker = new EmbeddedBroker();
process.send?.(await broker.start());
// Its parent's end is its own.
process.on("disconnect", () => process.exit());
