/** The connector configurations of docs/persistence.md: JSON, and all that each connector needs. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

const NEEDED: Readonly<Record<string, readonly string[]>> = {
  "connect-jdbc.json": ["connection.url", "insert.mode", "pk.mode", "pk.fields", "auto.evolve"],
  "connect-iceberg.json": ["iceberg.catalog.type", "iceberg.tables", "iceberg.control.topic"],
};
const NEEDED_BY_ALL = [
  "connector.class",
  "tasks.max",
  "topics",
  "value.converter",
  "value.converter.schema.registry.url",
  "errors.deadletterqueue.topic.name",
];

const read = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../docs/persistence/${file}`, import.meta.url), "utf8"));
const pack = JSON.parse(
  readFileSync(new URL("../../packs/behaviour/pack.json", import.meta.url), "utf8"),
) as { readonly topics: Readonly<Record<string, unknown>> };

describe("configurations of Kafka Connect", () => {
  for (const [file, needed] of Object.entries(NEEDED)) {
    it(`${file}: a connector's name and its settings, all of them strings`, () => {
      const { name, config } = read(file) as {
        readonly name: string;
        readonly config: Readonly<Record<string, string>>;
      };
      assert.match(name, /^[a-z-]+$/);
      for (const setting of [...NEEDED_BY_ALL, ...needed]) assert.ok(config[setting], setting);
      for (const value of Object.values(config)) assert.equal(typeof value, "string");
      assert.deepEqual(config["topics"]?.split(","), Object.keys(pack.topics));
      const transforms = (config["transforms"] ?? "").split(",").filter((each) => each !== "");
      for (const each of transforms) assert.ok(config[`transforms.${each}.type`], each);
    });
  }
});
