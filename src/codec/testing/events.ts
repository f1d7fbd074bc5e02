/**
 * Where the event corpora lie: the full set beside the checkout if it is there, else the sample.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SHARED = new URL("../../../../shared/data/events/", import.meta.url);
const OWN = new URL("../../../test/data/events/", import.meta.url);

export const EVENT_DATA = existsSync(new URL("metric.ndjson", SHARED)) ? SHARED : OWN;
export const EVENT_DATA_NAME = EVENT_DATA === SHARED ? "the full set" : "the sample in test/data";

export const CORPORA = [
  "add_to_cart",
  "alert",
  "all_types",
  "annotated",
  "avro_json",
  "click",
  "identify",
  "log",
  "metric",
  "order",
  "page_view",
  "payment",
  "product",
  "search",
  "unions",
] as const;

export type CorpusName = (typeof CORPORA)[number];

export interface Corpus {
  readonly name: CorpusName;
  readonly schemaText: string;
  readonly json: "plain" | "avro";
  /** NDJSON. */
  readonly bytes: Uint8Array;
  /** Per event: Avro length, 32 hex digits of its SHA-256, ignored members, by tabs. */
  readonly expected: readonly string[];
}

export function loadCorpus(name: CorpusName): Corpus {
  const read = (suffix: string): Buffer => readFileSync(new URL(name + suffix, EVENT_DATA));
  return {
    name,
    schemaText: read(".avsc").toString(),
    json: name === "avro_json" ? "avro" : "plain",
    bytes: new Uint8Array(read(".ndjson")),
    expected: read(".expected.txt").toString().trimEnd().split("\n"),
  };
}

/** Lines of a file of test/data, parsed. The rows' shape is the file's, so the caller names it. */
export function readRows<Row>(path: string): Row[] {
  const file = fileURLToPath(new URL(`../../../test/data/${path}`, import.meta.url));
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  // The border to a data file: its README says what a row holds.
  return lines.map((line) => JSON.parse(line) as Row);
}
