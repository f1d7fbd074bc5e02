/**
 * The codec beside others on the same texts: the release build beside the one that watches its
 * bounds, avsc on what both take, V8 on what is JSON, the decoder on what was written.
 */
import assert from "node:assert/strict";

import avsc from "avsc";

import { type AvroSchema, parseAvroSchema } from "../../schema/avro/schema.ts";
import { decodeToJson } from "../../schema/decode.ts";
import type { CreateOptions } from "../create-codec.ts";
import { loadCorpus, type CorpusName } from "./events.ts";
import { Harness, PRIVACY_SALT } from "./harness.ts";
import { mutate } from "./mutate.ts";
import { hidden } from "./private-values.ts";
import { type Random, SchemaMaker, SECRET, seededRandom } from "./random-schema.ts";
import { judgeSoundness } from "./soundness.ts";

const INPUT_BYTES_MAX = 1024 * 1024;
const DEBUG_MODULE = new URL("../../../build/codec.debug.wasm", import.meta.url);
/** Longer lines make the rounds few. */
const LINE_BYTES_MAX = 20_000;
const TYPE = "t";
/** Their annotations and defaults beyond 2^53 mean nothing to avsc. */
const NOT_OF_AVSC: readonly CorpusName[] = ["all_types", "annotated", "unions"];

/** Looking for many would make the rounds few. */
const FAULTS_MAX = 3;
const NOT_ONE_EVENT = "not one event";

/** What a text became: the same for every build. */
type Outcome =
  | { readonly kind: "encoded"; readonly avro: Buffer }
  | {
      readonly kind: "refused";
      readonly fault: string;
      readonly path: string;
      /** All that is said of it. */
      readonly words: string;
    };

/** A schema that the builds know under one type. */
export interface Subject {
  readonly schema: AvroSchema;
  /** avsc's reading of it; undefined where JSON.parse's values are not avsc's. */
  readonly avscType: avsc.Type | undefined;
}

export class Differential {
  readonly #builds: readonly Harness[];
  readonly #indexes: number[] = [];

  private constructor(builds: readonly Harness[]) {
    this.#builds = builds;
  }

  /** Of the release build and of the one with assertions. */
  static async create(): Promise<Differential> {
    const options: CreateOptions = { inputBytesMax: INPUT_BYTES_MAX };
    const builds = [
      Harness.create(options),
      Harness.create({ ...options, moduleUrl: DEBUG_MODULE }),
    ];
    return new Differential(await Promise.all(builds));
  }

  /** Gives the builds a schema for the time of `use`. */
  withSchema(
    { schemaText, json }: { readonly schemaText: string; readonly json: "plain" | "avro" },
    use: () => void,
  ): void {
    for (const build of this.#builds) {
      this.#indexes.push(build.route({ type: TYPE, schemaText, json }));
    }
    try {
      use();
    } finally {
      for (const build of this.#builds) build.drop(this.#indexes.shift() ?? 0);
    }
  }

  /** A random schema, events that fit it in both forms, and damaged ones; all from one seed. */
  checkSchema(seed: number): void {
    const random = seededRandom(seed);
    const maker = new SchemaMaker(random);
    const schema = maker.record(3);
    const schemaText = JSON.stringify(schema);
    const avscType = avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: true });
    const subject = { schema: parseAvroSchema(schemaText), avscType: undefined };
    for (const json of ["plain", "avro"] as const) {
      this.withSchema({ schemaText, json }, () => {
        for (let round = 0; round < 4; round += 1) {
          const sample = maker.sample(schema);
          const text = json === "plain" ? sample.json : avscType.toString(sample.value);
          const outcome = this.check(Buffer.from(text), subject);
          assert(outcome.kind === "encoded", `seed ${seed}: ${JSON.stringify(outcome)} ${text}`);
          const expected = avscType.toBuffer(sample.value).toString("hex");
          assert.equal(outcome.avro.toString("hex"), expected, `seed ${seed}: ${text}`);
          for (let damaged = 0; damaged < 4; damaged += 1) {
            this.check(mutate(Buffer.from(text), random), subject);
          }
        }
      });
    }
  }

  /**
   * A random schema with privacy actions: avsc writes what JavaScript makes of the values, and of
   * the values themselves nothing is found in records or in what is said of damaged events.
   */
  checkPrivateSchema(seed: number): void {
    const random = seededRandom(seed);
    const maker = new SchemaMaker(random, { hasPrivacy: true });
    const schema = maker.record(3);
    const schemaText = JSON.stringify(schema);
    const avscType = avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: true });
    const subject = { schema: parseAvroSchema(schemaText), avscType: undefined };
    for (const json of ["plain", "avro"] as const) {
      this.withSchema({ schemaText, json }, () => {
        for (let round = 0; round < 4; round += 1) {
          const sample = maker.sample(schema);
          const text = json === "plain" ? sample.json : avscType.toString(sample.value);
          const outcome = this.check(Buffer.from(text), subject);
          const place = `seed ${seed}: ${schemaText} ${text}`;
          // Too many hashes.
          if (outcome.kind === "refused" && outcome.fault === "too_large") continue;
          assert(outcome.kind === "encoded", `${place} ${JSON.stringify(outcome)}`);
          const value = hidden(schema, sample.value, { salt: PRIVACY_SALT });
          assert.equal(
            outcome.avro.toString("hex"),
            avscType.toBuffer(value).toString("hex"),
            place,
          );
          assertHidden(outcome, place);
          for (let damaged = 0; damaged < 4; damaged += 1) {
            const bytes = mutate(Buffer.from(text), random);
            assertHidden(this.check(bytes, subject), `${place} as ${bytes.toString()}`);
          }
        }
      });
    }
  }

  /** Damaged lines of a corpus. */
  checkCorpus(name: CorpusName, { random, rounds }: { random: Random; rounds: number }): void {
    const { schemaText, json, bytes } = loadCorpus(name);
    const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
    const isKnownToAvsc = json === "plain" && !NOT_OF_AVSC.includes(name);
    const subject = {
      schema: parseAvroSchema(schemaText),
      avscType: isKnownToAvsc
        ? avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema)
        : undefined,
    };
    this.withSchema({ schemaText, json }, () => {
      for (let round = 0; round < rounds; round += 1) {
        const line = Buffer.from(lines[random(lines.length)] ?? "{}");
        if (line.length <= LINE_BYTES_MAX) this.check(mutate(line, random), subject);
      }
    });
  }

  /** One text: all builds agree, none traps, and nobody contradicts them. */
  check(text: Buffer, subject: Subject): Outcome {
    const [outcome, ...others] = this.#builds.map((build) => outcomeOf(build, text));
    assert(outcome !== undefined, "there is a build");
    for (const other of others)
      assert.deepEqual(
        other,
        outcome,
        `${JSON.stringify(text.toString())} ${JSON.stringify(other)}`,
      );
    for (const build of this.#builds) assert.equal(build.codec.stats().traps, 0, text.toString());
    const isSound = judgeSoundness(text) === "sound";
    if (outcome.kind === "refused") {
      if (outcome.fault === NOT_ONE_EVENT) return outcome;
      const kinds = isSound ? [] : ["syntax", "utf8", "depth"];
      const isOfText = ["syntax", "utf8"].includes(outcome.fault);
      assert(
        isSound ? !isOfText : kinds.includes(outcome.fault),
        `${outcome.fault}: ${text.toString()}`,
      );
      return outcome;
    }
    assert(isSound, `encoded, though no JSON: ${text.toString()}`);
    const decoded = decodeToJson(subject.schema, outcome.avro);
    assert.equal(decoded.kind, "json", text.toString());
    checkAvsc(text, { outcome, avscType: subject.avscType });
    return outcome;
  }
}

/** Nothing of a private text stands in the record, nor in what is said of it. */
function assertHidden(outcome: Outcome, place: string): void {
  const shown = outcome.kind === "encoded" ? outcome.avro : Buffer.from(outcome.words);
  for (const part of [SECRET, SECRET.slice(0, 4), SECRET.slice(-6)]) {
    assert(!shown.includes(part), `${part} of a private value is shown: ${place}`);
  }
}

/** Where avsc takes JSON.parse's value, it writes the same bytes. */
function checkAvsc(
  text: Buffer,
  {
    outcome,
    avscType,
  }: {
    readonly outcome: Extract<Outcome, { readonly kind: "encoded" }>;
    readonly avscType: avsc.Type | undefined;
  },
): void {
  if (avscType === undefined) return;
  let hasIndexKey = false;
  const look = function (this: unknown, key: string, member: unknown): unknown {
    hasIndexKey ||= !Array.isArray(this) && /^\d+$/.test(key);
    return member;
  };
  const value: unknown = JSON.parse(text.toString(), look);
  // A JavaScript object puts such keys first, so avsc would write a map in another order.
  if (hasIndexKey || !avscType.isValid(value)) return;
  const expected = avscType.toBuffer(value).toString("hex");
  assert.equal(outcome.avro.toString("hex"), expected, text.toString());
}

function outcomeOf(build: Harness, text: Buffer): Outcome {
  // A line is an event whatever it holds; as JSON an array would be many events.
  const shape = text.includes(0x0a) ? "json" : "ndjson";
  const context = { shape, payload: "whole", defaultType: TYPE, typeMember: "\u0000" } as const;
  const result = build.frame(new Uint8Array(text), context);
  if (result.kind !== "table" || result.table.count !== 1) {
    const fault = result.kind === "table" ? NOT_ONE_EVENT : "syntax";
    return { kind: "refused", fault, path: "", words: "" };
  }
  const { table } = result;
  if (table.status[0] === 0) {
    const start = (table.valueStart[0] ?? 0) + 5;
    return { kind: "encoded", avro: Buffer.from(table.memory.slice(start, table.valueEnd[0])) };
  }
  const { kind, code, path } = build.codec.describe(0);
  const words = JSON.stringify(build.codec.describeAll(0, FAULTS_MAX));
  return { kind: "refused", fault: kind ?? code, path: path ?? "", words };
}
