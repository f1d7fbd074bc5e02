/**
 * One contender as a whole process, started by bench/codec.ts --process: reads a file of events,
 * turns it into Avro again and again, and prints what the process took. Arguments: codec or avsc,
 * the schema's file, the events' file, how often.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const [arm = "", schemaFile = "", eventsFile = "", passes = ""] = process.argv.slice(2);

async function makeRun(): Promise<() => number> {
  const schemaText = readFileSync(schemaFile, "utf8");
  if (arm === "avsc") {
    const { default: avsc } = await import("avsc");
    const { makeConvert } = await import("./convert.ts");
    const { parseAvroSchema } = await import("../../src/schema/avro/schema.ts");
    const type = avsc.Type.forSchema(JSON.parse(schemaText) as never);
    const convert =
      makeConvert(parseAvroSchema(schemaText), { isThorough: false }) ?? ((value) => value);
    return () => {
      let bytes = 0;
      for (const line of readFileSync(eventsFile, "utf8").split("\n")) {
        if (line === "") continue;
        const value = convert(JSON.parse(line));
        assert(type.isValid(value), "avsc takes the event");
        bytes += type.toBuffer(value).length;
      }
      return bytes;
    };
  }
  const { createEncoder } = await import("../../src/codec/library.ts");
  const encoder = await createEncoder({
    schema: schemaText,
    module: new Uint8Array(readFileSync(new URL("../../build/codec.wasm", import.meta.url))),
  });
  return () => {
    let bytes = 0;
    for (const line of encoder.encode(new Uint8Array(readFileSync(eventsFile)))) {
      assert(line.kind === "avro", "the codec takes the event");
      bytes += line.avro.length;
    }
    return bytes;
  };
}

const run = await makeRun();
let bytes = 0;
for (let pass = 0; pass < Number(passes); pass += 1) bytes += run();
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const report = { bytes, cpu_ms: (userCPUTime + systemCPUTime) / 1e3, peak_mb: maxRSS / 1024 };
process.stdout.write(JSON.stringify(report));
